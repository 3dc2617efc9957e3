import { spawn } from 'node:child_process';
import { SealosError } from '../../error.ts';
import { OPAQUE, WHITEOUT } from '../../layer-files.ts';
import type { TarEntry, TarHeader } from '../../tar.ts';
import { readTar } from '../../tar-read.ts';

/**
 * What a RUN changed, as the entries of a layer: overlayfs's upper directory with its own marks for what is deleted (a device 0:0, an
 * attribute on directories that hide those below) made into image-spec's. GNU tar reads it, for Node knows no extended attributes.
 */
export async function* changeEntries(upper: string, signal: AbortSignal | undefined): AsyncGenerator<TarEntry> {
  const args = [
    '--create',
    '--file=-',
    '--format=posix',
    '--numeric-owner',
    '--sort=name',
    '--xattrs',
    '--xattrs-include=*',
    `--directory=${upper}`,
    '.',
  ];
  const child = spawn('tar', args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C' } });
  const stop = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', stop, { once: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-1000);
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      said = error.message;
      resolve(null);
    });
    child.once('close', resolve);
  });
  try {
    for await (const { header, content } of readTar(child.stdout)) {
      if (header.path === '') continue;
      if (header.type === 'character' && (header.device?.major ?? 0) === 0 && (header.device?.minor ?? 0) === 0) {
        yield whiteout(header, nameIn(header.path, WHITEOUT));
        continue;
      }
      yield { ...clean(header), ...(header.type === 'file' && header.size > 0 ? { content: () => content() } : {}) };
      if (header.xattrs?.['trusted.overlay.opaque']?.toString() === 'y') yield whiteout(header, `${header.path}/${OPAQUE}`);
    }
    const status = await ended;
    if (status !== 0)
      throw new SealosError('run-failed', `what RUN changed cannot be read: tar: ${said.trim()}`, { hint: 'GNU tar is needed' });
  } finally {
    signal?.removeEventListener('abort', stop);
    child.stdout.destroy();
    stop();
    await ended;
  }
}

function clean(header: TarHeader): TarHeader {
  const { xattrs, ...rest } = header;
  // Those of this machine's security module and of overlayfs itself are nobody else's business.
  const kept = Object.entries(xattrs ?? {}).filter(
    ([name]) => name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.')),
  );
  return {
    ...rest,
    mtime: Math.floor(header.mtime),
    ...(kept.length === 0 ? {} : { xattrs: Object.fromEntries(kept) }),
  };
}

function whiteout(header: TarHeader, path: string): TarHeader {
  return { path, type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtime: Math.floor(header.mtime) };
}

function nameIn(path: string, prefix: string): string {
  const slash = path.lastIndexOf('/');
  return `${path.slice(0, slash + 1)}${prefix}${path.slice(slash + 1)}`;
}
