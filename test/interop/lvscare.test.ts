// The guard with nftables of this machine's kernel, real TLS servers, and clients that are not ours (curl, openssl).
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { allMembers } from '../../packages/lvscare/src/members.ts';
import { nftRules } from '../../packages/lvscare/src/nft-rules.ts';
import { addRoute, askRoute, isRouted, removeRoute } from '../../packages/lvscare/src/route.ts';
import { balancingCommands } from '../../packages/runtime/src/steps/api-address.ts';
import { type Guard, openRooms, type Rooms, VIP, VS } from '../support/lvscare-rooms.ts';
import { until } from '../support/until.ts';

const INTERVAL = 3;
let rooms: Rooms;
let running: Guard | undefined;

const flags = (servers: readonly number[] = [0, 1, 2]) => [
  '--vs',
  VS,
  ...servers.flatMap((index) => ['--rs', rooms.servers[index]?.endpoint ?? '']),
  '--backend',
  'nftables',
  '--interval',
  `${INTERVAL}s`,
  '--ip',
  rooms.nodeIp,
];
const table = () => rooms.onWorker('nft', 'list', 'table', 'ip', 'sealos_api');
/** Names of the servers that new connections go to, by the rules. */
function targets(): string {
  const map = /map \{ ([^}]*) \}/.exec(table())?.[1] ?? '';
  return rooms.servers
    .filter(({ ip }) => map.includes(ip))
    .map(({ name }) => name)
    .join(' ');
}
const becomes = (wanted: string) => until(`the rules to name ${wanted}`, 60_000, async () => targets() === wanted || undefined);

async function guarded(...args: readonly string[]): Promise<Guard> {
  running = rooms.guard(...flags(), ...args);
  const guard = running;
  await until('the first checks', 60_000, async () => (guard.log().match(/ is (well|unwell|silent)/g) ?? []).length >= 3 || undefined);
  return guard;
}

/** New connections, one after the other: who answered each. */
const callMany = (count: number) => Array.from({ length: count }, () => rooms.call());

before(async () => {
  rooms = await openRooms(3);
});
after(() => rooms[Symbol.asyncDispose]());
afterEach(async () => {
  if (running?.process.exitCode === null && running.process.signalCode === null) await running.stop('SIGTERM');
  running = undefined;
  for (const index of [0, 1, 2]) rooms.thaw(index);
});

test('a virtual server is made where there was none, and its connections take turns', async () => {
  await guarded();
  await becomes('m0 m1 m2');
  assert.deepEqual([...new Set(callMany(6))].sort(), ['m0', 'm1', 'm2']);
  assert.match(rooms.onWorker('ip', 'route', 'get', VIP), new RegExp(`^local ${VIP} dev lo src ${rooms.nodeIp}`));
});

test('a server whose power went is out within two intervals, its connections end, the others’ do not, and it comes back', async () => {
  await guarded();
  await becomes('m0 m1 m2');
  const pinned = await rooms.hold(0);
  const living = await rooms.hold(1);
  rooms.cut(0);
  const cut = performance.now();
  await becomes('m1 m2');
  const seconds = (performance.now() - cut) / 1000;
  assert.ok(seconds < 2 * INTERVAL + 2, `it took ${seconds.toFixed(1)} s`);
  await assert.rejects(pinned.ask(), /the connection ended/, 'its client is told at once');
  assert.equal(await living.ask(), 'm1');
  assert.deepEqual([...new Set(callMany(6))].sort(), ['m1', 'm2'], 'no new connection comes to it');
  rooms.join(0);
  await becomes('m0 m1 m2');
  assert.equal(await living.ask(), 'm1');
  living.close();
});

test('a server that is killed goes, and comes back when it is started again', async () => {
  await guarded();
  await becomes('m0 m1 m2');
  await rooms.kill(1);
  await becomes('m0 m2');
  assert.ok(!callMany(6).includes('m1'));
  await rooms.start(1);
  await becomes('m0 m1 m2');
});

test('a server that freezes is as good as dead, although its machine takes connections', async () => {
  await guarded();
  await becomes('m0 m1 m2');
  const pinned = await rooms.hold(2);
  rooms.freeze(2);
  await becomes('m0 m1');
  await assert.rejects(pinned.ask(), /the connection ended/);
  rooms.thaw(2);
  await becomes('m0 m1 m2');
});

test('a server that answers that it is not well gets no new connections, and keeps those it has', async () => {
  const guard = await guarded();
  await becomes('m0 m1 m2');
  const held = await rooms.hold(1);
  await rooms.setHealth(1, 500);
  await becomes('m0 m2');
  assert.ok(!callMany(6).includes('m1'));
  assert.equal(await held.ask(), 'm1');
  assert.match(guard.log(), /10\.77\.1\.2:6443 is unwell \(status 500\)/);
  await rooms.setHealth(1, 200);
  await becomes('m0 m1 m2');
  assert.equal(await held.ask(), 'm1');
  held.close();
});

test('when all are silent the last ones stay, and who comes back first is found', async () => {
  const guard = await guarded();
  await becomes('m0 m1 m2');
  for (const index of [0, 1, 2]) rooms.cut(index);
  await until('all to be seen silent', 60_000, async () => (guard.log().match(/ is silent/g) ?? []).length >= 3 || undefined);
  assert.equal(targets(), 'm0 m1 m2');
  rooms.join(1);
  await becomes('m1');
  assert.equal(rooms.call(), 'm1');
  rooms.join(0);
  rooms.join(2);
  await becomes('m0 m1 m2');
});

test('ended, it leaves the rules; begun again, it adopts them without touching a connection', async () => {
  const first = await guarded();
  await becomes('m0 m1 m2');
  const held = await rooms.hold(2);
  await rooms.kill(0);
  await becomes('m1 m2');
  assert.equal(await first.stop('SIGTERM'), 0);
  assert.equal(targets(), 'm1 m2');
  assert.equal(await held.ask(), 'm2');
  const second = await guarded();
  assert.match(second.log(), /adopting the rules/);
  await until('it to have set the rules', 60_000, async () => second.log().includes('goes to') || undefined);
  assert.equal(targets(), 'm1 m2', 'the dead one was never put back');
  assert.equal(await held.ask(), 'm2');
  await rooms.start(0);
  await becomes('m0 m1 m2');
  held.close();
});

test('rules and route that another took away are back within an interval or two', async () => {
  await guarded();
  await becomes('m0 m1 m2');
  const held = await rooms.hold(1);
  await rooms.quiet(1);
  rooms.onWorker('nft', 'delete', 'table', 'ip', 'sealos_api');
  rooms.onWorker('ip', 'route', 'del', 'local', VIP, 'dev', 'lo', 'table', 'local');
  await becomes('m0 m1 m2');
  await until('the route', 60_000, async () => rooms.onWorker('ip', 'route', 'get', VIP).startsWith('local') || undefined);
  assert.equal(await held.ask(), 'm1');
  held.close();
});

test('a server that is of the list no more loses its connections', async () => {
  const first = await guarded();
  await becomes('m0 m1 m2');
  const gone = await rooms.hold(0);
  const stays = await rooms.hold(1);
  await first.stop('SIGTERM');
  const once = rooms.guard(...flags([1, 2]), '--run-once');
  const ended = new Promise((resolve) => once.process.once('exit', resolve));
  assert.equal(await ended, 0, once.log());
  assert.equal(targets(), 'm1 m2');
  await assert.rejects(gone.ask(), /the connection ended/);
  assert.equal(await stays.ask(), 'm1');
  stays.close();
});

test('what a host’s unit sets at its start is what the guard goes on with, and a change of its list cuts only what left it', async () => {
  const ips = rooms.servers.map(({ ip }) => ip);
  const set = (list: readonly string[]) => rooms.onWorker('bash', '-euc', balancingCommands('nftables', VIP, 6443, list).up);
  set(ips);
  const [gone, stays] = [await rooms.hold(0), await rooms.hold(1)];
  await guarded();
  assert.equal(await gone.ask(), 'm0');
  await rooms.kill(2);
  await becomes('m0 m1');
  set(ips);
  assert.equal(targets(), 'm0 m1 m2');
  await becomes('m0 m1');
  await running?.stop('SIGTERM');
  set(ips.slice(1));
  await assert.rejects(gone.ask(), /the connection ended/);
  assert.equal(await stays.ask(), 'm1');
  await rooms.start(2);
  stays.close();
});

test('pods behind the host reach the address too, and are told when their server is dead', async () => {
  await using pod = rooms.openPod();
  await guarded();
  await becomes('m0 m1 m2');
  assert.ok(rooms.servers.some(({ name }) => name === pod.call()));
  const pinned = await rooms.hold(0, pod.name);
  rooms.cut(0);
  await becomes('m1 m2');
  await assert.rejects(pinned.ask(), /the connection ended/);
  rooms.join(0);
  await becomes('m0 m1 m2');
});

test('nft takes the rules of IPv6, of servers on other ports, and of hashing by the client; ip the route of IPv6', () => {
  const v6 = { ip: 'fd00:103::2', port: 6443 };
  const on = (port: number) => allMembers([1, 2].map((last) => ({ ip: `fd00:77::${last}`, port })));
  for (const rules of [nftRules(v6, on(6443)), nftRules(v6, on(7443)), nftRules(v6, on(6443), 'sh')]) rooms.onWorker('nft', rules);
  assert.match(
    rooms.onWorker('nft', 'list', 'table', 'ip6', 'sealos_api'),
    /ip6 daddr fd00:103::2 tcp dport 6443 dnat to jhash ip6 saddr mod 2/,
  );
  rooms.onWorker('nft', 'delete', 'table', 'ip6', 'sealos_api');
  const members = allMembers(rooms.servers.map(({ ip }) => ({ ip, port: 7443 })));
  rooms.onWorker('nft', '-c', nftRules({ ip: VIP, port: 6443 }, members, 'sh'));
  rooms.onWorker('ip', 'addr', 'add', 'fd00:77::9/128', 'dev', 'lo');
  rooms.onWorker('ip', ...addRoute(v6.ip, 'fd00:77::9'));
  assert.ok(isRouted(rooms.onWorker('ip', ...askRoute(v6.ip)), 'fd00:77::9'));
  rooms.onWorker('ip', ...removeRoute(v6.ip));
});

test('-C removes its own rules and route, and nothing else', async () => {
  await guarded();
  await becomes('m0 m1 m2');
  await running?.stop('SIGTERM');
  rooms.onWorker('nft', 'add', 'table', 'ip', 'another');
  const other = rooms.guard('-C', '--vs', '10.103.97.3:6443', '--backend', 'nftables', '--ip', rooms.nodeIp);
  assert.equal(await new Promise((resolve) => other.process.once('exit', resolve)), 0, other.log());
  assert.equal(targets(), 'm0 m1 m2', 'the rules of another virtual server stay');
  const cleaning = rooms.guard('-C', '--vs', VS, '--backend', 'nftables', '--ip', rooms.nodeIp);
  assert.equal(await new Promise((resolve) => cleaning.process.once('exit', resolve)), 0, cleaning.log());
  assert.equal(rooms.onWorker('nft', 'list', 'tables').trim(), 'table ip another');
  assert.equal(rooms.onWorker('ip', 'route', 'show', 'table', 'local', VIP), '');
  rooms.onWorker('nft', 'delete', 'table', 'ip', 'another');
});

test('certificates are looked at where an authority is given', async () => {
  const good = await guarded('--health-ca', rooms.authority, '--health-server-name', 'localhost');
  assert.doesNotMatch(good.log(), /silent/);
  await good.stop('SIGTERM');
  running = await guarded('--health-ca', rooms.authority, '--health-server-name', 'elsewhere');
  assert.match(running.log(), /is silent \(Hostname\/IP does not match/);
});
