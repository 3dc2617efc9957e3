// `npm run demo`: a real two-node Kubernetes with an application on this machine, from nothing. `-- --down` removes all that it made.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LabError, openLab } from '@sealos/lab';
import { until } from '../test/support/until.ts';
import { buildClusterImages, imageNames, runProgram } from './cluster-images.ts';
import { cacheRoot, ensureInstalled } from './debian.ts';

const sealos = join(dirname(import.meta.dirname), 'sealos');
const home = join(cacheRoot, 'demo');
const env = { SEALOS_STORAGE: join(home, 'storage'), SEALOS_RUNTIME_ROOT: join(home, 'state') };
const lab = openLab({ name: 'demo' });
const started = Date.now();
const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort(new Error('interrupted')));
const { signal } = interrupt;

function say(text: string): void {
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(`[${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, '0')}] ${text}`);
}

async function down(): Promise<void> {
  say('removing the servers, the images and the state of the demo');
  await lab.down({ signal });
  rmSync(home, { recursive: true, force: true });
  say(`removed; what was downloaded and compiled stays in ${cacheRoot} for the next time`);
}

async function up(): Promise<void> {
  console.log(
    'A two-node Kubernetes on this machine: about 2 minutes, the first time about 8 where Kubernetes cannot be downloaded: it is compiled.',
  );
  ensureInstalled(['debootstrap', 'systemd-container', 'iproute2', 'nftables', 'openssh-client']);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  if (existsSync(join(home, 'built'))) say('the images are built already');
  else {
    say('building the images: Kubernetes, a pod network, a small application');
    await buildClusterImages({ storage: env.SEALOS_STORAGE, signal, onLine: (line) => say(`  ${line}`) });
    mkdirSync(join(home, 'built'));
  }
  say('starting two servers');
  const [first, second] = await lab.up({ count: 2, signal });
  if (!first || !second) throw new Error('the lab gave no two servers');
  say(`servers ${first.name} (${first.ip}) and ${second.name} (${second.ip}) answer; running the images on them`);
  await runProgram(
    [
      sealos,
      'run',
      imageNames.kubernetes,
      imageNames.hostgw,
      imageNames.whoami,
      '--masters',
      first.ip,
      '--nodes',
      second.ip,
      '-i',
      first.sshKey,
      '--known-hosts',
      first.knownHosts,
    ],
    { env, signal, onLine: (line) => say(`  ${line}`) },
  );
  const kubectl = async (...args: readonly string[]) => {
    const [program = '', ...rest] = await lab.ssh(first.name, ['kubectl', ...args]);
    return (await runProgram([program, ...rest], { signal, onLine: () => {} })).trim();
  };
  say('waiting for the nodes and the application');
  await until('both nodes to be ready', 180_000, async () =>
    (await kubectl('get', 'nodes', '--no-headers')).match(/ Ready /g)?.length === 2 ? true : undefined,
  );
  await kubectl('rollout', 'status', 'daemonset/whoami', '--timeout=180s');
  console.log(`\n${await kubectl('get', 'nodes')}\n\n${await kubectl('get', 'pods', '-A', '-o', 'wide')}\n`);
  const pods = (await kubectl('get', 'pods', '-l', 'app=whoami', '-o', `'jsonpath={range .items[*]}{.status.podIP}{"\\n"}{end}'`)).split(
    '\n',
  );
  const [one, other] = pods;
  for (const [from, to] of [
    [one, other],
    [other, one],
  ]) {
    const asking = await lab.ssh(first.name, ['curl', '-sf', '--max-time', '5', `'http://${from}:8080/peer?url=http://${to}:8080/'`]);
    const answer = await until('the pods to reach each other', 30_000, () => runProgram(asking, { signal, onLine: () => {} }));
    console.log(answer.trim());
  }
  console.log(`
A shell on the first server:   ./sealos lab ssh --name demo h1      (kubectl works there)
Take it all away again:        npm run demo -- --down`);
}

try {
  await (process.argv.includes('--down') ? down() : up());
} catch (error) {
  if (signal.aborted) {
    console.error('interrupted; run it again to go on, or `npm run demo -- --down` to remove what is there');
    process.exit(130);
  }
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof LabError && error.hint) console.error(`  ${error.hint}`);
  process.exit(1);
}
