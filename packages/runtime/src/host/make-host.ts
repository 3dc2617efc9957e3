import { createHash, randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { decompress, writeTar } from '@sealos/image';
import { HostError } from '../error.ts';
import type { Address, Host, HostFile, Output, RunOptions, UnpackOptions } from './host.ts';
import { knownHostsName } from './known-hosts.ts';
import { quote, type Script, script } from './script.ts';
import { Shell } from './shell.ts';
import type { RemoteCommand, Transport } from './transport.ts';

interface Identity {
  readonly address: Address;
  readonly isRoot: boolean;
  /** sudo's, too. */
  readonly password: string | undefined;
}

/** Runs everything as root. The password goes in on standard input; `-k` makes sudo read it even where it remembers the last one. */
function asRoot(command: string, { isRoot, password }: Identity): { readonly commandLine: string; readonly prologue: string } {
  if (isRoot) return { commandLine: command, prologue: '' };
  if (password === undefined) return { commandLine: `sudo -n -H -- ${command}`, prologue: '' };
  return { commandLine: `sudo -k -S -p '' -H -- ${command}`, prologue: `${password}\n` };
}

/** A host over a transport: one bash for all scripts, one more command for each bulk transfer. */
export async function makeHost(transport: Transport, identity: Identity): Promise<Host> {
  const name = knownHostsName(identity.address).replace(/^\[(\d+\.\d+\.\d+\.\d+)\]/, '$1');
  const shell = await openShell(transport, identity, name);
  const run = (text: Script, options: RunOptions): Promise<Output> => shell.run(text, options);
  let tools: Promise<ReadonlySet<string>> | undefined;
  const decompressors = () => {
    tools ??= run(script`for tool in gzip zstd; do if command -v $tool >/dev/null; then echo $tool; fi; done`, {
      title: 'looking for decompressors',
    }).then(({ stdout }) => new Set(stdout.split('\n')));
    return tools;
  };
  const unpack = async (body: Readable, into: string, options: UnpackOptions): Promise<void> => {
    const { compression } = options;
    const there = compression !== 'none' && (await decompressors()).has(compression);
    const stream = there ? body : decompress(body, compression);
    const excludes = (options.exclude ?? []).flatMap((path) => [`--exclude=./${escapeGlob(path)}`, `--exclude=${escapeGlob(path)}`]);
    const tar = ['tar', '-x', '--numeric-owner', '--same-owner', '-p', '--anchored', '-C', into, ...excludes, '-f', '-']
      .map(quote)
      .join(' ');
    const reader = there ? `${compression} -dc | ` : '';
    await sendInto(transport, identity, name, `set -o pipefail; mkdir -p ${quote(into)} && ${reader}${tar}`, stream, into, options);
  };
  return {
    address: identity.address,
    name,
    run,
    unpack,
    async writeFiles(files, options) {
      return writeFiles({ run, unpack }, files, options);
    },
    async readFile(path, options = {}) {
      const { stdout } = await run(script`if [ -f ${path} ]; then echo yes; base64 -w0 < ${path}; fi`, {
        title: `reading ${path}`,
        signal: options.signal,
      });
      const [there, content] = stdout.split('\n');
      return there === 'yes' ? Buffer.from(content ?? '', 'base64') : undefined;
    },
    async [Symbol.asyncDispose]() {
      shell.end();
      await transport[Symbol.asyncDispose]();
    },
  };
}

async function openShell(transport: Transport, identity: Identity, name: string): Promise<Shell> {
  const start = async (loop: string) => {
    const { commandLine } = asRoot(`bash -c ${quote(loop)}`, identity);
    const command = await transport.start(commandLine);
    return { ...command, closed: command.exit.then(() => {}) };
  };
  try {
    return await Shell.open(name, start, asRoot('', identity).prologue);
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n').at(-1) : String(error);
    if (identity.isRoot) throw new HostError('no-shell', `bash did not start there: ${why}`, { host: name, exitCode: 2, cause: error });
    throw new HostError('no-sudo', `the user may not become root with sudo: ${why}`, {
      host: name,
      exitCode: 2,
      cause: error,
      hint: 'give its password with -p, or allow it sudo without one (NOPASSWD)',
    });
  }
}

/** tar takes `*?[\` in an exclusion as a pattern. */
function escapeGlob(path: string): string {
  return path.replaceAll(/[*?[\\]/g, '\\$&');
}

async function sendInto(
  transport: Transport,
  identity: Identity,
  name: string,
  commandLine: string,
  body: Readable,
  into: string,
  options: UnpackOptions,
): Promise<void> {
  const { signal, onBytes, title } = options;
  signal?.throwIfAborted();
  const wrapped = asRoot(`bash -c ${quote(commandLine)}`, identity);
  const command: RemoteCommand = await transport.start(wrapped.commandLine);
  let complaints = '';
  command.stdout.resume();
  command.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-4000);
  });
  const onAbort = () => {
    body.destroy();
    command.end();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  command.stdin.on('error', () => {});
  if (wrapped.prologue) command.stdin.write(wrapped.prologue);
  let sent = 0;
  const counter = new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      sent += chunk.length;
      onBytes?.(sent);
      done(null, chunk);
    },
  });
  let broken: unknown;
  try {
    const sending = pipeline(body, counter, command.stdin).catch((error: unknown) => {
      broken = error;
      command.stdin.end();
    });
    const status = await command.exit;
    counter.destroy();
    await sending;
    signal?.throwIfAborted();
    if (status === 0 && !broken) return;
    const source = body.errored;
    if (source && !/premature close/i.test(source.message)) throw source;
    const full = /No space left on device|Wrote only \d+ of/.test(complaints);
    const lines = complaints
      .trim()
      .split('\n')
      .slice(-5)
      .map((line) => `    ${line}`)
      .join('\n');
    const why = full ? `the disk of ${into} is full` : status === 255 ? 'the connection was lost' : `exit status ${status}`;
    throw new HostError(
      full ? 'disk-full' : 'unpack-failed',
      `'${title}' into ${into} failed: ${why}${lines.trim() && !full ? `:\n${lines}` : ''}`,
      {
        host: name,
        title,
        commandStatus: status,
        output: complaints,
        hint: full ? 'make room there, then run the same command again' : undefined,
      },
    );
  } finally {
    signal?.removeEventListener('abort', onAbort);
    body.destroy();
  }
}

type Hands = Pick<Host, 'run' | 'unpack'>;

async function writeFiles(
  { run, unpack }: Hands,
  files: readonly HostFile[],
  options: { readonly title: string; readonly signal?: AbortSignal | undefined },
): Promise<readonly string[]> {
  if (files.length === 0) return [];
  const { title, signal } = options;
  const known = await run(
    script`for f in ${files.map(({ path }) => path)}; do
  if [ -f "$f" ] && [ ! -L "$f" ]; then printf '%s %s %s\n' "$(stat -c %a "$f")" "$(sha256sum < "$f" | cut -d' ' -f1)" "$f"; fi
done`,
    { title, signal },
  );
  const there = new Set(known.stdout.split('\n'));
  const changed = files.filter(({ path, content, mode }) => {
    const hash = createHash('sha256').update(content).digest('hex');
    return !there.has(`${mode.toString(8)} ${hash} ${path}`);
  });
  if (changed.length === 0) return [];
  const staging = `/var/tmp/sealos-${randomBytes(8).toString('hex')}`;
  const archive = writeTar(
    changed.map(({ content, mode }, index) => {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      return {
        path: String(index),
        type: 'file' as const,
        mode,
        uid: 0,
        gid: 0,
        mtime: Math.floor(Date.now() / 1000),
        size: bytes.length,
        content: bytes,
      };
    }),
  );
  try {
    await run(script`mkdir -m 0700 ${staging}`, { title, signal });
    await unpack(Readable.from(archive), staging, { title, compression: 'none', signal });
    // Beside its target first, then renamed: nobody sees half a file, also across filesystems.
    const moves = changed.map(({ path }, index) => {
      const temporary = posix.join(posix.dirname(path), `.${posix.basename(path)}.sealos-new`);
      return script`mkdir -p ${posix.dirname(path)} && cp -p ${`${staging}/${index}`} ${temporary} && mv -fT ${temporary} ${path} || exit 1
`;
    });
    await run({ kind: 'script', text: moves.map(({ text }) => text).join(''), secrets: [] }, { title, signal });
  } finally {
    await run(script`rm -rf ${staging}`, { title }).catch(() => {});
  }
  return changed.map(({ path }) => path);
}
