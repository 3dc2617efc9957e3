// logs and clusters as a user calls them, on a state that is there.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const work = mkdtempSync(join(tmpdir(), 'sealos-logs-command-'));
const clusterfile = `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: NAME, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  image: [kubernetes:v1]
  hosts: [{ips: ["10.0.0.1:22"], roles: [master]}, {ips: ["10.0.0.2:22", "10.0.0.3:22"], roles: [node]}]
status: {phase: ClusterSuccess}
`;
const event = (second: number, body: object) =>
  `${JSON.stringify({ at: `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`, ...body })}\n`;

before(() => {
  for (const [name, file] of [
    ['standing', 'Clusterfile'],
    ['gone', 'Clusterfile.1767312000'],
  ] as const) {
    const logs = join(work, name, 'logs');
    mkdirSync(logs, { recursive: true });
    writeFileSync(join(work, name, file), clusterfile.replace('NAME', name));
    const plan = event(0, { kind: 'plan', steps: [{ id: 'init', title: 'preparing the hosts', hosts: ['10.0.0.1', '10.0.0.2'] }] });
    const output = event(1, { kind: 'output', step: 'init', host: '10.0.0.1', line: '\u001b[31mred\u001b[0m words' });
    const other = event(2, { kind: 'output', step: 'init', host: '10.0.0.2', line: 'other' });
    const done = event(9, { kind: 'finished', changed: 4, skipped: 0, milliseconds: 9000 });
    writeFileSync(join(logs, '2026-01-01T00-00-00-000Z-run.jsonl'), plan + output + other + done);
    const failed = event(30, { kind: 'step-failed', step: 'init', host: '10.0.0.1', message: '10.0.0.1: no room', milliseconds: 5 });
    writeFileSync(
      join(logs, '2026-01-01T00-00-20-000Z-run.jsonl'),
      plan + output + failed + event(31, { kind: 'ended', outcome: 'failed' }),
    );
    writeFileSync(join(logs, '2026-01-01T00-00-40-000Z-delete.jsonl'), plan + output);
  }
});
after(() => rmSync(work, { recursive: true, force: true }));

function call(...args: readonly string[]) {
  return spawnSync(sealos, args, { env: { ...process.env, SEALOS_RUNTIME_ROOT: work }, encoding: 'utf8' });
}

test('the runs are listed with how each ended, the last first', () => {
  const { stdout, status } = call('logs', '-c', 'standing', '--list');
  assert.equal(status, 0);
  const rows = stdout.trim().split('\n').slice(1);
  assert.match(rows[0] ?? '', /^1 +2026-01-01T00:00:40Z +delete .* killed /);
  assert.match(rows[1] ?? '', /^2 +2026-01-01T00:00:20Z +run +11 s +failed /);
  assert.match(rows[2] ?? '', /^3 +2026-01-01T00:00:00Z +run +9\.0 s +done +4 +2$/);
  assert.equal(call('logs', '-c', 'standing', '--list', '-n', '1').stdout.trim().split('\n').length, 2);
  assert.equal(JSON.parse(call('logs', '-c', 'standing', '--list', '-o', 'json').stdout)[1].failures[0].message, '10.0.0.1: no room');
});

test('the last run is shown when none is named; one that was killed says that it has no end', () => {
  assert.match(call('logs', '-c', 'standing').stdout, /00:00:01 {2}killed: there is no end/);
});

test("a run is shown with its output, without the programs' colours, and with its failure at the end", () => {
  const { stdout } = call('logs', '-c', 'standing', '2');
  assert.match(stdout, /^00:00:01 {2}10\.0\.0\.1 {2}\| red words$/m);
  assert.match(stdout, /^10\.0\.0\.1: no room\n00:00:31 {2}failed after 11 s\n$/m);
});

test('lines are chosen by host, by step and from the end; JSON is one event a line', () => {
  assert.doesNotMatch(call('logs', '-c', 'standing', '3', '--host', '10.0.0.2').stdout, /red words/);
  assert.match(call('logs', '-c', 'standing', '3', '--step', 'preparing the hosts').stdout, /other/);
  assert.doesNotMatch(call('logs', '-c', 'standing', '3', '-n', '1').stdout, /other/);
  const lines = call('logs', '-c', 'standing', '3', '-o', 'json').stdout.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).kind),
    ['plan', 'output', 'output', 'finished'],
  );
});

test('the logs of a cluster that was removed can be read, those of one that never was cannot', () => {
  assert.equal(call('logs', '-c', 'gone', '--list').status, 0);
  const { status, stderr } = call('logs', '-c', 'never');
  assert.equal(status, 2);
  assert.match(stderr, /nothing has been run on a cluster 'never' from here/);
});

test('clusters lists those that stand, and with --all those that were removed', () => {
  const { stdout } = call('clusters');
  assert.match(stdout, /^standing +stands +1 \+ 2 +10\.0\.0\.1,10\.0\.0\.2,10\.0\.0\.3 /m);
  assert.doesNotMatch(stdout, /gone/);
  assert.match(call('clusters', '--all').stdout, /^gone +removed 2026-01-02T00:00:00Z /m);
  const list: readonly { readonly name: string }[] = JSON.parse(call('clusters', '-a', '-o', 'json').stdout);
  assert.deepEqual(list.map(({ name }) => name).sort(), ['gone', 'standing']);
});
