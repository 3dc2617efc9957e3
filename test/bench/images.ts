import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheRoot, ensureInstalled } from '../../scripts/debian.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { makeContext } from './content.ts';
import { type Measurement, measure } from './measure.ts';

interface Row {
  readonly what: string;
  readonly peer: string;
  /** Ours may take at most this share of the peer's time. */
  readonly target: number;
  readonly ours: Measurement;
  readonly theirs: Measurement;
}

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');

/** Measures build, push, save, pull and load of a context of so many MB, each beside its peer in the same run, and prints the ratios. */
export async function benchImages(megabytes: number): Promise<void> {
  ensureInstalled(['buildah', 'skopeo', 'time']);
  mkdirSync(cacheRoot, { recursive: true });
  console.log(`bench: a context of ${megabytes} MB, each command once after a warm-up of the file cache, about a minute`);
  const context = makeContext(join(cacheRoot, `bench-context-${megabytes}`), megabytes);
  const work = mkdtempSync(join(tmpdir(), 'sealos-bench-'));
  const rows: Row[] = [];

  try {
    await using registry = await startDockerRegistry({ directory: join(work, 'registry') });
    const host = registry.address;
    const ours = { SEALOS_STORAGE: join(work, 'ours'), HOME: join(work, 'home') };
    const second = { ...ours, SEALOS_STORAGE: join(work, 'ours-2') };
    const third = { ...ours, SEALOS_STORAGE: join(work, 'ours-3') };
    mkdirSync(ours.HOME);
    const buildah = ['buildah', '--root', join(work, 'theirs'), '--runroot', join(work, 'theirs-run'), '--storage-driver', 'vfs'];
    await measure(['sh', '-c', 'find "$0" -type f -exec cat {} + >/dev/null', context]);

    rows.push({
      what: 'build',
      peer: 'buildah (vfs)',
      target: 0.5,
      theirs: await measure([
        ...buildah,
        'build',
        '--isolation',
        'chroot',
        '-t',
        'localhost/bench:1',
        '-f',
        join(context, 'Kubefile'),
        context,
      ]),
      ours: await measure([sealos, 'build', '-t', 'localhost/bench:1', context], { env: ours }),
    });
    rows.push({
      what: 'push',
      peer: 'buildah',
      target: 0.5,
      theirs: await measure([...buildah, 'push', '--tls-verify=false', 'localhost/bench:1', `docker://${host}/theirs/bench:1`]),
      ours: await measure([sealos, 'push', 'localhost/bench:1', `${host}/ours/bench:1`], { env: ours }),
    });
    rows.push({
      what: 'save',
      peer: 'buildah',
      target: 0.5,
      theirs: await measure([...buildah, 'push', 'localhost/bench:1', `oci-archive:${join(work, 'theirs.tar')}`]),
      ours: await measure([sealos, 'save', '-o', join(work, 'ours.tar'), 'localhost/bench:1'], { env: ours }),
    });
    rows.push({
      what: 'pull',
      peer: 'skopeo',
      target: 1.5,
      theirs: await measure([
        'skopeo',
        'copy',
        '--src-tls-verify=false',
        `docker://${host}/ours/bench:1`,
        `oci:${join(work, 'pulled')}:bench`,
      ]),
      ours: await measure([sealos, 'pull', `${host}/ours/bench:1`], { env: second }),
    });
    rows.push({
      what: 'load',
      peer: 'skopeo',
      target: 1.5,
      theirs: await measure(['skopeo', 'copy', `oci-archive:${join(work, 'ours.tar')}`, `oci:${join(work, 'loaded')}:bench`]),
      ours: await measure([sealos, 'load', '-i', join(work, 'ours.tar')], { env: third }),
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }

  console.log('\ncommand  ours (s)  theirs (s)  ratio  target  memory ours/theirs (MB)  peer');
  for (const { what, peer, target, ours, theirs } of rows) {
    const ratio = ours.seconds / theirs.seconds;
    console.log(
      [
        what.padEnd(7),
        ours.seconds.toFixed(2).padStart(9),
        theirs.seconds.toFixed(2).padStart(11),
        `${ratio.toFixed(2)}x`.padStart(7),
        `${target.toFixed(2)}x`.padStart(7),
        `${ours.megabytes.toFixed(0)} / ${theirs.megabytes.toFixed(0)}`.padStart(24),
        ` ${peer}${ratio > target ? '  TARGET MISSED' : ''}`,
      ].join(' '),
    );
  }
}
