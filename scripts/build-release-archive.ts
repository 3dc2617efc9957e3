// What is published of a release: an archive for each architecture, and the checksums of all.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { compress, entryOf, type TarEntry, writeTar } from '@sealos/image';
import { wholeProgram } from '../packages/cli/src/command-line.ts';
import { describeCommand } from '../packages/cli/src/command-tree.ts';
import { completionScript, shells } from '../packages/cli/src/completion-script.ts';
import { manPage } from '../packages/cli/src/man-page.ts';
import { bundle } from './build-release-executable.ts';
import { type Architecture, nodePackage, ownArchitecture } from './build-release-node.ts';

const root = dirname(import.meta.dirname);

export interface ReleaseRequest {
  /** Where the executables lie (`sealos-linux-amd64`) and the archives go. */
  readonly directory: string;
  /** `v1.2.3` */
  readonly version: string;
  readonly architectures: readonly Architecture[];
}

/** Seconds since 1970 that all files of a release carry: `SOURCE_DATE_EPOCH`, else the time of the commit. */
function releaseTime(): number {
  const given = process.env['SOURCE_DATE_EPOCH'];
  if (given !== undefined) return Number(given);
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' });
  return status === 0 ? Number(stdout.trim()) : 0;
}

/** The licences of everything that is in the executable besides sealos: Node itself and the bundled packages. */
async function notices(): Promise<string> {
  const { packages } = await bundle({ entry: 'packages/cli/src/main.ts' });
  const texts = [`Node.js\n\n${readFileSync(join(nodePackage(ownArchitecture), 'LICENSE'), 'utf8').trim()}`];
  for (const path of packages) {
    const directory = join(root, path);
    const about: { readonly name?: string; readonly version?: string; readonly license?: string } = JSON.parse(
      readFileSync(join(directory, 'package.json'), 'utf8'),
    );
    const file = readdirSync(directory).find((name) => /^(licen[cs]e|copying)(\.(md|txt))?$/i.test(name));
    const text = file === undefined ? `Licence: ${about.license}` : readFileSync(join(directory, file), 'utf8').trim();
    texts.push(`${about.name} ${about.version}\n\n${text}`);
  }
  return `The executable contains the following software.\n\n${texts.join(`\n\n${'-'.repeat(78)}\n\n`)}\n`;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/**
 * Writes `sealos_<version>_linux_<arch>.tar.gz` for each architecture and `checksums.txt` (as `sha256sum -c` reads it); returns a line about
 * each. The same sources give the same bytes. An archive has the program at its top level, where `install` scripts look for it.
 */
export async function writeArchives({ directory, version, architectures }: ReleaseRequest): Promise<readonly string[]> {
  const number = version.replace(/^v/, '');
  const mtime = releaseTime();
  const tree = describeCommand(await wholeProgram());
  const file = (path: string, text: string): TarEntry => {
    const content = Buffer.from(text);
    return { path, type: 'file', mode: 0o644, uid: 0, gid: 0, mtime, size: content.length, content };
  };
  const shared = [
    file('LICENSE', readFileSync(join(root, 'LICENSE'), 'utf8')),
    file('THIRD-PARTY-NOTICES', await notices()),
    file('README.md', readFileSync(join(root, 'docs', 'install.md'), 'utf8')),
    ...shells.map((shell) => file(`completions/sealos.${shell}`, completionScript(shell, tree))),
    file('man/sealos.1', manPage(tree, { version, date: new Date(mtime * 1000) })),
  ];
  const lines: string[] = [];
  const sums: string[] = [];
  for (const architecture of architectures) {
    const program = join(directory, `sealos-linux-${architecture}`);
    if (!existsSync(program)) throw new Error(`${program} was not built`);
    const entry = await entryOf(program, 'sealos', { uid: 0, gid: 0 });
    if (!entry) throw new Error(`${program} is no file`);
    const path = join(directory, `sealos_${number}_linux_${architecture}.tar.gz`);
    const entries = [{ ...entry, mode: 0o755, mtime }, ...shared];
    const draft = `${path}.${process.pid}.tmp`;
    try {
      const archive = createWriteStream(draft, { flags: 'wx', flush: true });
      await pipeline(compress(writeTar(entries), { compression: 'gzip' }), archive);
      await rename(draft, path);
    } finally {
      await rm(draft, { force: true });
    }
    const hash = await sha256(path);
    sums.push(`${hash}  ${basename(path)}\n`);
    lines.push(`${path}  ${hash}`);
  }
  await writeFile(join(directory, 'checksums.txt'), sums.join(''));
  return lines;
}
