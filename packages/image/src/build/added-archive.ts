import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { decompress } from '../compress.ts';
import { SealosError } from '../error.ts';
import { shownName } from '../shown-name.ts';
import type { TarEntry, TarHeader } from '../tar.ts';
import { readTar } from '../tar-read.ts';
import type { LayerDraft } from './layer-draft.ts';
import type { OwnerIds } from './owner-names.ts';
import type { Refuse } from './plan-copy.ts';
import type { PlannedArchive } from './planned-entry.ts';

const CHUNK = 1024 * 1024;

export type ArchiveKind = 'tar' | 'gzip' | 'zstd' | 'bzip2' | 'xz';

/** Whether ADD unpacks a file: a tar archive, compressed or not. A compressed file that holds no archive is one like others. */
export async function archiveKind(path: string): Promise<ArchiveKind | undefined> {
  const head = await readHead(path);
  const kind = kindOf(head);
  if (kind === 'tar') return head.subarray(257, 262).toString('latin1') === 'ustar' ? 'tar' : undefined;
  await using tar = openArchive(path, kind);
  try {
    const first = await readTar(tar.bytes).next();
    return first.done === true ? undefined : kind;
  } catch (error) {
    if (error instanceof SealosError && error.code === 'bad-archive') return undefined;
    throw error;
  }
}

async function readHead(path: string): Promise<Buffer> {
  await using file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(512), 0, 512, 0);
  return buffer.subarray(0, bytesRead);
}

function kindOf(head: Buffer): ArchiveKind {
  const begins = (...bytes: readonly number[]) => bytes.every((byte, index) => head[index] === byte);
  if (begins(0x1f, 0x8b)) return 'gzip';
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return 'zstd';
  if (begins(0x42, 0x5a, 0x68)) return 'bzip2';
  return begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00) ? 'xz' : 'tar';
}

interface OpenArchive extends AsyncDisposable {
  readonly bytes: AsyncIterable<Buffer>;
}

function openArchive(path: string, kind: ArchiveKind): OpenArchive {
  if (kind === 'bzip2' || kind === 'xz') return throughProgram(path, kind);
  const file = createReadStream(path, { highWaterMark: CHUNK });
  const bytes = decompress(file, kind === 'tar' ? 'none' : kind);
  return {
    bytes,
    async [Symbol.asyncDispose]() {
      bytes.destroy();
      file.destroy();
    },
  };
}

// Node has neither of them; the programs are on every machine that makes such archives.
function throughProgram(path: string, program: 'bzip2' | 'xz'): OpenArchive {
  const child = spawn(program, ['-dc', '--', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<string | undefined>((resolve) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-500);
    });
    child.once('error', () => resolve(`${program} is not installed here, and ${path} is compressed by it`));
    child.once('close', (code) => resolve(code === 0 ? undefined : `${program} cannot unpack ${path}: ${said.trim()}`));
  });
  const bytes = async function* (): AsyncGenerator<Buffer> {
    const stdout: Readable = child.stdout;
    yield* stdout;
    const failure = await ended;
    if (failure !== undefined) throw new SealosError('bad-compression', failure, { hint: 'gzip and zstd need no program', exitCode: 2 });
  };
  return {
    bytes: bytes(),
    async [Symbol.asyncDispose]() {
      // What nobody reads would keep it from being closed.
      child.stdout.destroy();
      child.kill('SIGKILL');
      await ended;
    },
  };
}

export interface ArchivePlan {
  readonly path: string;
  readonly kind: ArchiveKind;
  /** Where it is unpacked, a path of the image without slash at its beginning. */
  readonly directory: string;
  /** `--chown`; undefined: what the archive says. */
  readonly owner: OwnerIds | undefined;
  readonly identity: string;
  readonly refuse: Refuse;
  readonly signal?: AbortSignal | undefined;
}

/** Reads through an archive and adds to a layer where its entries will be. Throws `bad-kubefile` for one that leads out of its place. */
export async function planArchive(plan: ArchivePlan, draft: LayerDraft): Promise<void> {
  const { path, kind, directory, owner, refuse } = plan;
  const headers: (TarHeader | undefined)[] = [];
  let bytes = 0;
  const inside = (name: string): string => {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw refuse(`ADD ${path}: it has the name '${shownName(name)}', which leads out of its place`);
    const last = parts.pop() ?? '';
    if (last.startsWith('.wh.'))
      throw refuse(`ADD ${path}: '${shownName(name)}' would delete a file of the image: names that begin with .wh. are special`);
    return join(draft.files.resolve(join(directory, parts.join('/'))), last);
  };
  await using tar = openArchive(path, kind);
  for await (const { header } of readTar(tar.bytes)) {
    plan.signal?.throwIfAborted();
    if (header.path === '') {
      headers.push(undefined);
      continue;
    }
    const target = inside(header.path);
    const linkname = header.type === 'hardlink' ? inside(header.linkname ?? '') : header.linkname;
    const planned: TarHeader = {
      ...header,
      ...(linkname === undefined ? {} : { linkname }),
      ...owner,
      path: target,
      mtime: Math.floor(header.mtime),
    };
    draft.makeDirectory(target.split('/').slice(0, -1).join('/'), owner ?? { uid: 0, gid: 0 });
    draft.files.put(target, planned);
    headers.push(planned);
    bytes += header.size;
  }
  draft.archives.push({ path, identity: plan.identity, headers, bytes });
}

/** The entries of a planned archive with their contents, in one pass over it. */
export async function* archiveEntries(planned: PlannedArchive): AsyncGenerator<TarEntry> {
  await using tar = openArchive(planned.path, kindOf(await readHead(planned.path)));
  let index = 0;
  for await (const item of readTar(tar.bytes)) {
    const header = planned.headers[index++];
    if (header !== undefined) yield header.type === 'file' ? { ...header, content: () => item.content() } : header;
  }
  if (index !== planned.headers.length) {
    throw new SealosError('file-changed', `'${planned.path}' changed while it was read`, { hint: 'try again when nothing writes to it' });
  }
}

function join(directory: string, name: string): string {
  return directory === '' ? name : name === '' ? directory : `${directory}/${name}`;
}
