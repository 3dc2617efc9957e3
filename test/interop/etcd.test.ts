// The backup of a cluster's data against Debian's own etcd and etcdctl: one member and three, well and not.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair, pipeline } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { type EtcdHealth, etcdHealth, type Host, takeSnapshot, verifySnapshot } from '@sealos/runtime';
import { type EtcdCluster, etcdctlProgram, startEtcd } from '../support/etcd.ts';
import { run } from '../support/programs.ts';
import { until } from '../support/until.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-etcd-test-'));
after(() => rmSync(work, { recursive: true, force: true }));
const signal = new AbortController().signal;
const noWarning = (message: string) => assert.fail(message);

interface SnapshotStatus {
  readonly revision: number;
  readonly totalKey: number;
}

async function snapshotStatus(path: string): Promise<SnapshotStatus> {
  return JSON.parse(await run(etcdctlProgram(), ['snapshot', 'status', path, '-w', 'json'], { ETCDCTL_API: '3' }));
}

/** What etcdctl makes of a snapshot: a data directory of one new member, read with the same program. */
async function restored(path: string): Promise<{ readonly directory: string }> {
  const directory = join(work, `restored-${Math.random().toString(36).slice(2)}`);
  await run(etcdctlProgram(), ['snapshot', 'restore', path, '--data-dir', directory], { ETCDCTL_API: '3' });
  return { directory };
}

describe('one member', () => {
  let etcd: EtcdCluster;
  before(async () => {
    etcd = await startEtcd(1);
    for (let index = 0; index < 20; index += 1) await etcd.etcdctl(['put', `key${index}`, 'x'.repeat(100_000)]);
  });
  after(() => etcd?.[Symbol.asyncDispose]());
  const hosts = () => etcd.members.map(({ host }) => host);
  const snapshotTo = (path: string, masters: readonly Host[] = hosts(), warn: (message: string) => void = noWarning) =>
    takeSnapshot({ masters, identity: etcd.identity, path, signal, warn });

  test('a backup is what etcdctl calls a whole snapshot, readable by its owner only, with the hash that it ends with', async () => {
    const path = join(work, 'one.db');
    const { bytes, sha256, revision, host } = await snapshotTo(path);
    const content = readFileSync(path);
    assert.equal(content.length, bytes);
    assert.equal(createHash('sha256').update(content.subarray(0, -32)).digest('hex'), sha256);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const status = await snapshotStatus(path);
    assert.equal(BigInt(status.revision), revision);
    assert.ok(status.totalKey >= 20);
    assert.equal(host, 'm1');
    assert.deepEqual(await verifySnapshot(path, signal), { path, bytes, sha256 });
  });

  test('a backup restored by etcdctl into a new member has the data of then', async () => {
    const path = join(work, 'then.db');
    await etcd.etcdctl(['put', 'told', 'before']);
    await snapshotTo(path);
    await etcd.etcdctl(['put', 'told', 'after']);
    const { directory } = await restored(path);
    const [member] = etcd.members;
    assert.ok(member);
    await member.kill();
    rmSync(member.dataDirectory, { recursive: true });
    // The data moves in under the member's own name: etcd takes its identity from the data.
    await run('mv', ['-T', directory, member.dataDirectory]);
    member.start();
    await etcd.ready();
    assert.match(await etcd.etcdctl(['get', 'told']), /before/);
  });

  test('a connection that is cut anywhere leaves no file, not even a temporary one', async () => {
    const [member] = etcd.members;
    assert.ok(member);
    for (const after of [3000, 200_000, 1_500_000]) {
      const directory = mkdtempSync(join(work, 'cut-'));
      const cutting: Host = { ...member.host, dial: async (...args) => cutAfter(await member.host.dial(...args), after) };
      await assert.rejects(
        snapshotTo(join(directory, 'cut.db'), [cutting], () => {}),
        /m1: .*etcd/,
      );
      assert.deepEqual(readdirSync(directory), []);
    }
  });

  test('an interrupted backup leaves no file', async () => {
    const directory = mkdtempSync(join(work, 'interrupted-'));
    const stop = new AbortController();
    const options = { masters: hosts(), identity: etcd.identity, path: join(directory, 'x.db'), signal: stop.signal, warn: noWarning };
    await assert.rejects(takeSnapshot({ ...options, onBytes: () => stop.abort(new DOMException('stopped', 'AbortError')) }), {
      name: 'AbortError',
    });
    assert.deepEqual(readdirSync(directory), []);
  });

  test('a file that is changed by one bit, cut, without its hash, or something else is refused with exit status 2', async () => {
    const path = join(work, 'whole.db');
    await snapshotTo(path);
    const whole = readFileSync(path);
    const flipped = Buffer.from(whole);
    flipped.writeUInt8((flipped[100_000] ?? 0) ^ 1, 100_000);
    const cases: readonly [RegExp, Buffer][] = [
      [/is damaged/, flipped],
      [/has no hash at its end/, whole.subarray(0, -32)],
      [/is damaged/, whole.subarray(0, -100)],
      [/is not a snapshot of etcd/, Buffer.from('a text of some length, which is not a database')],
      [/is not a snapshot of etcd/, Buffer.alloc(0)],
    ];
    for (const [says, content] of cases) {
      const bad = join(work, 'bad.db');
      writeFileSync(bad, content);
      await assert.rejects(verifySnapshot(bad, signal), { exitCode: 2, message: says });
    }
    await assert.rejects(verifySnapshot(join(work, 'absent.db'), signal), { exitCode: 2, message: /there is no such file/ });
  });

  test('one member that is well is healthy, and none may be lost', async () => {
    const health = await etcdHealth({ masters: hosts(), identity: etcd.identity, signal });
    const [member] = health.members;
    assert.equal(health.healthy, true);
    assert.equal(health.tolerance, 0);
    assert.ok(member);
    const status: readonly { readonly Status: { readonly dbSize: number } }[] = JSON.parse(
      await etcd.etcdctl(['endpoint', 'status', '-w', 'json']),
    );
    assert.equal(member.dbSize, status[0]?.Status.dbSize);
    assert.equal(member.isLeader, true);
    assert.equal(member.lag, 0);
    assert.match(await etcd.etcdctl(['member', 'list']), new RegExp(`^${member.id}, `));
  });

  test('a certificate of another authority is refused by etcd, and the error names the host', async () => {
    await using other = await startEtcd(1);
    const path = join(work, 'refused.db');
    const identity = { ...other.identity, ca: etcd.identity.ca };
    await assert.rejects(takeSnapshot({ masters: hosts(), identity, path, signal, warn: () => {} }), /m1: etcd/);
    assert.equal(existsSync(path), false);
  });
});

describe('three members', () => {
  let etcd: EtcdCluster;
  before(async () => {
    etcd = await startEtcd(3);
    await etcd.etcdctl(['put', 'key', 'value']);
  });
  after(() => etcd?.[Symbol.asyncDispose]());
  const health = (): Promise<EtcdHealth> => etcdHealth({ masters: etcd.members.map(({ host }) => host), identity: etcd.identity, signal });

  test('three members are healthy, one leads, and one may be lost', async () => {
    const { healthy, quorum, tolerance, members } = await health();
    assert.deepEqual({ healthy, quorum, tolerance }, { healthy: true, quorum: true, tolerance: 1 });
    assert.equal(members.filter(({ isLeader }) => isLeader).length, 1);
    assert.deepEqual(
      members.map(({ name, endpoint }) => [name, endpoint]),
      [
        ['m1', 'm1'],
        ['m2', 'm2'],
        ['m3', 'm3'],
      ],
    );
  });

  test('with a member down a backup comes from another, says so, and the health is told', async () => {
    const [first] = etcd.members;
    assert.ok(first);
    await first.kill();
    const path = join(work, 'two-of-three.db');
    await until('the others to have a leader', 60_000, () => etcd.etcdctl(['get', 'key'], etcd.members.slice(1)));
    const warnings: string[] = [];
    const taken = await takeSnapshot({
      masters: etcd.members.map(({ host }) => host),
      identity: etcd.identity,
      path,
      signal,
      warn: (message) => warnings.push(message),
    });
    assert.notEqual(taken.host, 'm1');
    assert.equal(warnings.length, 1);
    assert.ok((await snapshotStatus(path)).totalKey >= 1);
    const { healthy, quorum, tolerance, members } = await health();
    assert.deepEqual({ healthy, quorum, tolerance }, { healthy: false, quorum: true, tolerance: 0 });
    assert.equal(members.find(({ endpoint }) => endpoint === 'm1')?.healthy, false);
    first.start();
    await etcd.ready();
    assert.equal(await until('all to be well', 30_000, async () => ((await health()).healthy ? true : undefined)), true);
  });

  test('a member that hangs in the middle of a snapshot is given up for another', async () => {
    const [first, ...others] = etcd.members;
    assert.ok(first);
    // The first connection brings the beginning of the snapshot and then breaks.
    const breaking: Host = { ...first.host, dial: async (...args) => cutAfter(await first.host.dial(...args), 8000) };
    const path = join(work, 'fallen-over.db');
    const warnings: string[] = [];
    const taken = await takeSnapshot({
      masters: [breaking, ...others.map(({ host }) => host)],
      identity: etcd.identity,
      path,
      signal,
      warn: (message) => warnings.push(message),
    });
    assert.notEqual(taken.host, 'm1');
    await snapshotStatus(path);
  });

  test('a host that is no member of the cluster is told, and takes no vote away', async () => {
    await using stranger = await startEtcd(1);
    const [other] = stranger.members;
    assert.ok(other);
    const unreached = [{ name: 'gone', ip: '10.255.0.1', why: 'it is off' }];
    const masters = [...etcd.members.map(({ host }) => host), { ...other.host, name: 'stranger' }];
    const { healthy, quorum, tolerance, members } = await etcdHealth({ masters, unreached, identity: etcd.identity, signal });
    assert.deepEqual({ healthy, quorum, tolerance }, { healthy: false, quorum: true, tolerance: 1 });
    assert.deepEqual(
      members.filter((member) => !member.healthy).map(({ endpoint }) => endpoint),
      ['stranger', 'gone'],
    );
  });

  test('without a quorum health says so, and a backup is still to be had, with a warning', async () => {
    for (const member of etcd.members.slice(0, 2)) await member.kill();
    const path = join(work, 'no-quorum.db');
    const warnings: string[] = [];
    await takeSnapshot({
      masters: etcd.members.map(({ host }) => host),
      identity: etcd.identity,
      path,
      signal,
      warn: (message) => warnings.push(message),
    });
    assert.match(warnings.join('\n'), /m3: etcd has no quorum/);
    await snapshotStatus(path);
    const { healthy, quorum } = await health();
    assert.deepEqual({ healthy, quorum }, { healthy: false, quorum: false });
  });
});

/** The connection, broken off when so many bytes have come. */
function cutAfter(connection: Duplex, limit: number): Duplex {
  async function* beginning() {
    let seen = 0;
    const chunks: AsyncIterable<Buffer> = connection;
    for await (const chunk of chunks) {
      seen += chunk.length;
      if (seen > limit) break;
      yield chunk;
    }
    connection.destroy();
  }
  const [near, far] = duplexPair();
  pipeline(far, connection, () => {});
  pipeline(beginning(), far, () => near.destroy());
  return near;
}
