// Kubefiles put together at random out of every instruction, for buildah and for us. Left out is what buildah 1.28 does not know
// (here-documents, patterns in variables, --link) or reads in another way than Docker's reference does: ARGs of a stage that another
// is built on, and shell forms of CMD and ENTRYPOINT behind SHELL.
import { spawnSync } from 'node:child_process';
import { chmod, chown, link, lutimes, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unpacked } from '../../scripts/debian.ts';
import { generator } from './kubefiles.ts';

/** The name of the base image that has a shell. */
export const SHELL_BASE = 'localhost/shell:1';
/** The Kubefile it is made of. */
export const SHELL_KUBEFILE = 'FROM scratch\nCOPY busybox /bin\nCOPY etc /etc\nENV BASE=yes LANG=C\nLABEL base=1\nONBUILD LABEL child=1\n';

const TIME = 1_500_000_000;
const PROGRAMS = [
  'sh',
  'echo',
  'mkdir',
  'rm',
  'mv',
  'cp',
  'ln',
  'chmod',
  'chown',
  'touch',
  'id',
  'pwd',
  'cat',
  'env',
  'true',
  'sort',
  'grep',
  'test',
  'readlink',
];

/** The files that the generated Kubefiles copy, below an existing directory. All have the same time, in whole seconds. */
export async function makeGeneratedContext(root: string): Promise<void> {
  const put = async (path: string, text: string, mode = 0o644) => {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), mode);
  };
  await put('a.txt', 'a\n');
  await put('b.txt', 'b\n', 0o600);
  await put('run.sh', '#!/bin/sh\necho ran > /ran\n', 0o755);
  await put('setuid', 'x', 0o6755);
  await put('dir/x', 'x');
  await put('dir/sub/y', 'y', 0o640);
  await put('dir2/x', 'other x');
  await put('packed/f', 'f');
  await put('packed/deep/er/g', 'g', 0o4755);
  await symlink('f', join(root, 'packed/link'));
  await link(join(root, 'packed/f'), join(root, 'packed/hard'));
  await chown(join(root, 'packed/deep'), 11, 12);
  await symlink('sub', join(root, 'dir/alias'));
  await put('etc/passwd', 'root:x:0:0::/root:/bin/sh\napp:x:1000:2000::/home/app:/bin/sh\n');
  await put('etc/group', 'root:x:0:\nteam:x:3000:\n');
  await mkdir(join(root, 'busybox'));
  const busybox = join(unpacked('busybox-static'), 'bin/busybox');
  spawnSync('cp', [busybox, join(root, 'busybox/busybox')]);
  for (const name of PROGRAMS) await symlink('busybox', join(root, 'busybox', name));
  const names = await readdir(root, { recursive: true });
  for (const name of names) await lutimes(join(root, name), TIME, TIME);
  for (const [option, suffix] of [
    ['', 'tar'],
    ['-z', 'tgz'],
    ['-j', 'tar.bz2'],
    ['-J', 'tar.xz'],
    ['--zstd', 'tar.zst'],
  ] as const) {
    const packed = spawnSync('tar', [
      '-C',
      join(root, 'packed'),
      '-cf',
      join(root, `packed.${suffix}`),
      ...(option === '' ? [] : [option]),
      '.',
    ]);
    if (packed.status !== 0) throw new Error(`tar: ${packed.stderr}`);
    await lutimes(join(root, `packed.${suffix}`), TIME, TIME);
  }
  await rm(join(root, 'packed'), { recursive: true });
}

const DESTINATIONS = ['d/', '/d/e/', 'x', '/w', 'new', 'dir', 'd/alias/', '/opt/$A/'];
const RUNS = [
  'echo $A$B > /made',
  'mkdir -p /d/n && echo "$A" > /d/n/f',
  'rm -rf /dir /d/sub || true',
  'rm -f /x /made; echo gone > /gone',
  'test -d /d && rm -rf /d; mkdir -p /d/again && echo new > /d/again/x',
  'test -e /x && chmod 600 /x; test -e /new && chown -R 3:4 /new; true',
  'ln -s made /lnk; echo 1 > /h1; ln -f /h1 /h2',
  'test -d /d && mv /d /moved; true',
  'id -u > /uid; id -g > /gid; pwd > /pwd',
  'cp -a /bin/sh /bin/sh-copy; test -d /w && cp -a /w /w-copy; true',
  'env | grep -E "^(A|B|C|BASE|ARGUMENT|HOME)=" | sort > /env',
  'touch /empty && mkdir -m 1777 /sticky || true',
];

/** One Kubefile with its arguments, the same for the same seed. */
export function generatedBuild(seed: number): { readonly text: string; readonly arguments: readonly string[]; readonly runs: boolean } {
  const next = generator(seed * 7919 + 17);
  // The first numbers of a small seed are alike.
  for (let turn = 0; turn < 5; turn++) next();
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] ?? (items[0] as T);
  const chance = (share: number) => next() < share;
  const runs = chance(0.3);
  const lines: string[] = [];
  if (chance(0.3)) lines.push('ARG WHICH=first', 'ARG UNUSED');
  const stages = pick([1, 1, 2, 2, 3]);
  const names: string[] = [];
  for (let stage = 0; stage < stages; stage++) {
    const base = runs && (stage === 0 || chance(0.5)) ? SHELL_BASE : chance(0.3) && names.length > 0 ? pick(names) : 'scratch';
    const hasShell = base === SHELL_BASE;
    lines.push(`FROM ${base}${chance(0.7) || stage < stages - 1 ? ` AS s${stage}` : ''}`, 'ENV A=val');
    const count = 2 + Math.floor(next() * 6);
    for (let line = 0; line < count; line++) lines.push(...instruction({ pick, chance, next, hasShell, names }));
    names.push(`s${stage}`);
  }
  const last = names.pop();
  if (chance(0.3) && last !== undefined) lines.push('CMD ["last"]');
  const flags = [];
  if (chance(0.3)) flags.push('--build-arg', 'ARGUMENT=given');
  if (chance(0.2)) flags.push('--label', 'flag=1');
  if (chance(0.15) && names.length > 0) flags.push('--target', pick(names));
  return { text: `${lines.join('\n')}\n`, arguments: flags, runs };
}

interface Dice {
  readonly pick: <T>(items: readonly T[]) => T;
  readonly chance: (share: number) => boolean;
  readonly next: () => number;
  readonly hasShell: boolean;
  /** Stages before this one. */
  readonly names: readonly string[];
}

function instruction({ pick, chance, next, hasShell, names }: Dice): readonly string[] {
  const flags = () =>
    pick(['', '', '', '--chown=3:4 ', '--chmod=750 ', '--chown=7 ', hasShell ? '--chown=app ' : '', hasShell ? '--chown=app:team ' : '']);
  const value = () => pick(['1', 'two', '"q r"', '$A', '${B:-x}', '${A:+y}', "'$A'", '\\$A', 'a\\ b', '${BASE:-none}', '${WHICH:-w}']);
  const kind = Math.floor(next() * (hasShell ? 26 : 21));
  if (kind < 4)
    return [
      `COPY ${flags()}${pick(['a.txt', 'b.txt', 'dir', 'dir/', 'dir2', 'setuid', 'run.sh', 'a.txt b.txt', 'dir dir2', 'dir/sub'])} ${pick(DESTINATIONS)}`,
    ].map(slashed);
  if (kind < 6 && names.length > 0) {
    // A stage may lack the path: then both refuse.
    return [
      `COPY --from=${chance(0.5) ? pick(names) : Math.floor(next() * names.length)} ${pick(['/', '/', '/d', '/x'])} ${pick(['/from/', '/'])}`,
    ];
  }
  if (kind < 8) {
    const archive = pick(['packed.tar', 'packed.tgz', 'packed.tar.bz2', 'packed.tar.xz', 'packed.tar.zst']);
    return [`ADD ${pick([archive, archive, 'a.txt', 'dir', `${archive} a.txt`])} ${pick(['/un/', 'un/packed/', '/'])}`];
  }
  if (kind < 10) return [`ENV ${pick(['A', 'B', 'C'])}=${value()} D=${value()}`];
  if (kind === 10) return [`LABEL ${pick(['l', 'm.n', '"o p"'])}=${value()} z=${value()}`];
  if (kind === 11)
    return [
      pick(['ARG WHICH', 'ARG ARGUMENT=default', 'ARG ARGUMENT', 'ARG TARGETARCH']),
      `ENV B=${pick(['$WHICH', '$ARGUMENT', '${ARGUMENT:-no}', '$TARGETARCH'])}`,
    ];
  if (kind === 12) return [pick(['CMD ["a","$A"]', 'CMD run $A', 'ENTRYPOINT ["e"]', 'ENTRYPOINT e f', 'CMD []', 'ENTRYPOINT []'])];
  if (kind === 13) return [pick(['WORKDIR /w', 'WORKDIR sub', 'WORKDIR $A', 'WORKDIR /d/e'])];
  if (kind === 14)
    return [
      pick(['USER 5', 'USER 5:6', hasShell ? 'USER app' : 'USER 7', hasShell ? 'USER app:team' : 'USER 8:9']),
      ...(chance(0.7) ? ['USER 0'] : []),
    ];
  if (kind === 15) return [pick(['EXPOSE 80', 'EXPOSE 53/udp 54', 'EXPOSE 8000-8002'])];
  if (kind === 16) return [pick(['STOPSIGNAL SIGTERM', 'STOPSIGNAL 9', 'MAINTAINER some body <a@b>'])];
  if (kind === 17)
    return [pick(['HEALTHCHECK NONE', 'HEALTHCHECK --interval=5s --timeout=1m30s --retries=2 CMD check $A', 'HEALTHCHECK CMD ["check"]'])];
  if (kind === 18) return [pick(['ONBUILD COPY a.txt /onbuild', 'ONBUILD ENV O=$A', 'ONBUILD LABEL o=1'])];
  if (kind === 19)
    return [pick(['SHELL ["/bin/sh", "-ec"]', 'VOLUME /vol', 'VOLUME ["/v1", "/v 2"]'])].filter(
      (line) => hasShell || !line.startsWith('SHELL'),
    );
  if (kind === 20) return [`# a comment`, pick([`ENV \\\n  E=1 \\\n# inside\n  F=$A`, 'env lower=case', 'label Lower=case'])];
  if (chance(0.15)) return ['RUN ["/bin/busybox", "touch", "/exec form"]'];
  if (chance(0.1)) return ['COPY run.sh /run.sh', 'RUN /run.sh'];
  return [`RUN ${pick(RUNS)}`];
}

// Several sources need a directory.
function slashed(line: string): string {
  const words = line.split(' ').filter((word) => !word.startsWith('--'));
  return words.length > 3 && !line.endsWith('/') ? `${line}/` : line;
}
