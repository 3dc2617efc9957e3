// `npm test`: type check, lint, unit, interoperability and real-cluster tests. With an argument, one of these alone.
import { spawn, spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureInstalled } from './debian.ts';

const root = dirname(import.meta.dirname);
process.chdir(root);

interface Stage {
  readonly name: string;
  readonly about: string;
  readonly run: () => Promise<number>;
}

function execute(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? 1));
  });
}

function nodeTests(pattern: string, concurrency: number): Promise<number> {
  const files = globSync(pattern).sort();
  if (files.length === 0) throw new Error(`no test matches ${pattern}`);
  return execute(process.execPath, [
    '--test',
    '--disable-warning=ExperimentalWarning',
    `--test-concurrency=${concurrency}`,
    `--test-reporter=${process.stdout.isTTY ? 'spec' : join(root, 'scripts', 'test-reporter.ts')}`,
    ...files,
  ]);
}

const bin = (name: string) => join(root, 'node_modules', '.bin', name);

const stages: readonly Stage[] = [
  { name: 'check', about: 'types (tsc), a few seconds', run: () => execute(bin('tsc'), ['--noEmit']) },
  { name: 'lint', about: 'format and lint (biome), a second', run: () => execute(bin('biome'), ['check', '.']) },
  { name: 'unit', about: 'unit tests, under a minute', run: () => nodeTests('packages/*/src/**/*.test.ts', 2) },
  {
    name: 'interop',
    about: 'against skopeo, buildah, umoci, containerd, docker-registry, etcd, openssl, sshd, Go and a kernel with IPVS, about 14 minutes',
    run: () => {
      ensureInstalled(interopPackages);
      return nodeTests('test/interop/**/*.test.ts', 2);
    },
  },
  {
    name: 'cluster',
    about:
      'real Kubernetes on servers made here, two of them and five: about 30 minutes, five more the first time (Kubernetes is built from source where it cannot be downloaded)',
    run: () => {
      ensureInstalled(labPackages);
      // Clusters wait more than they work: two at a time fit on two cores.
      return nodeTests('test/cluster/**/*.test.ts', 2);
    },
  },
  {
    name: 'compat',
    about:
      'images made like the published ones on a real cluster, and every known defect of the first sealos: about 11 minutes; writes docs/compatibility.md',
    run: () => {
      ensureInstalled(interopPackages);
      return execute(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'test/compat/run.ts')]);
    },
  },
];

const labPackages = ['debootstrap', 'systemd-container', 'iproute2', 'nftables', 'openssh-client'];
const interopPackages = [
  ...labPackages,
  'buildah',
  'ca-certificates',
  'curl',
  'golang-go',
  'jq',
  'openssh-server',
  'openssl',
  'procps',
  'perl',
  'python3-nacl',
  'python3-yaml',
  'skopeo',
  'umoci',
  'zstd',
];

const [wanted] = process.argv.slice(2);
const chosen = wanted === undefined ? stages : stages.filter((stage) => stage.name === wanted);
if (chosen.length === 0) {
  console.error(`there is no test stage '${wanted}': ${stages.map((stage) => stage.name).join(', ')}`);
  process.exit(2);
}
if (spawnSync('sh', ['-c', 'command -v apt-get']).status !== 0) {
  console.error('the tests install what they need with apt-get: run them on Debian or Ubuntu');
  process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), 'sealos-test-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const failures = join(directory, 'failures');
writeFileSync(failures, '');
process.env['TEST_FAILURES'] = failures;

const failed: string[] = [];
for (const stage of chosen) {
  console.log(`\n== ${stage.name}: ${stage.about}`);
  const started = Date.now();
  const status = await stage.run().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`== ${stage.name}: ${status === 0 ? 'passed' : 'FAILED'} in ${seconds} s`);
  if (status !== 0) failed.push(stage.name);
}
if (failed.length > 0) console.log(`\n== what failed, once more\n${readFileSync(failures, 'utf8')}`);
console.log(failed.length === 0 ? '\nall stages passed' : `\nfailed: ${failed.join(', ')}`);
process.exit(failed.length === 0 ? 0 : 1);
