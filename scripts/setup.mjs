// Installs the project's npm dependencies, the pinned Node among them. Runs on any Node >= 20; everything else runs on the pinned one.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packageManager = 'pnpm@12.21.0';
const lock = join(root, 'pnpm-lock.yaml');
const stamp = join(root, 'node_modules', '.sealos-setup');
const node = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');

function fail(message) {
  process.stderr.write(`sealos: ${message}\n`);
  process.exit(1);
}

if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
  fail(`this machine is ${process.platform}/${process.arch}; sealos runs on linux/x64 and linux/arm64.`);
}
// The stamp holds the lock file's time of change, so that a `git pull` with new dependencies installs them.
const wanted = `${statSync(lock).mtimeMs}`;
if (existsSync(node) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) process.exit(0);

process.stderr.write('sealos: installing npm dependencies and the pinned Node (about 15 s, once)\n');
const install = spawnSync(
  'npm',
  ['exec', '--yes', '--', packageManager, 'install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=warn'],
  {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, npm_config_loglevel: 'error' },
  },
);
if (install.error) fail(`npm did not start: ${install.error.message}. Install npm and try again.`);
if (install.status !== 0) fail(`installing the dependencies failed (exit status ${install.status}). Is the npm registry reachable?`);
if (!existsSync(node)) fail(`the pinned Node is not at ${node} after the installation; remove node_modules and try again.`);
writeFileSync(stamp, wanted);
