import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupDriver, formatEnvironment, hostEnvironment, isSecretKey, parseEnvironment } from './environment.ts';

test('the image yields to the cluster, the cluster to the command line, that to the host', () => {
  const layer = (name: string, ...keys: string[]) => new Map(keys.map((key) => [key, name]));
  const { env } = hostEnvironment({
    image: layer('image', 'A', 'B', 'C', 'D', 'PATH'),
    cluster: layer('cluster', 'B', 'C', 'D'),
    commandLine: layer('cli', 'C', 'D', 'NEW'),
    host: layer('host', 'D'),
    roles: ['master', 'registry'],
    kubeVersion: 'v1.24.0',
    sealosVersion: '0.1.0',
    facts: { systemd: true, cgroup: 'v1', sysResource: false },
  });
  assert.deepEqual(Object.fromEntries(env), {
    A: 'image',
    B: 'cluster',
    C: 'cli',
    D: 'host',
    NEW: 'cli',
    SEALOS_SYS_KUBE_VERSION: 'v1.24.0',
    SEALOS_SYS_SEALOS_VERSION: '0.1.0',
    SEALOS_SYS_RUN_MODE: 'master,registry',
    SEALOS_SYS_CGROUP_DRIVER: 'cgroupfs',
    SEALOS_SYS_RESTRICT_OOM_SCORE_ADJ: 'true',
  });
});

test('only an image may set SEALOS_SYS keys; a user is told', () => {
  const { env, warnings } = hostEnvironment({
    image: new Map([['SEALOS_SYS_CRI_ENDPOINT', '/run/x.sock']]),
    cluster: new Map([['SEALOS_SYS_CRI_ENDPOINT', '/run/y.sock']]),
    roles: ['node'],
    sealosVersion: '0.1.0',
  });
  assert.equal(env.get('SEALOS_SYS_CRI_ENDPOINT'), '/run/x.sock');
  assert.deepEqual(warnings, ['SEALOS_SYS_CRI_ENDPOINT of spec.env is left out: keys that begin with SEALOS_SYS are reserved']);
});

test('assignments keep their order, the last of a key wins, and a value may hold equals signs', () => {
  const env = parseEnvironment(['B=1', 'A=x=y', 'B=2'], '-e');
  assert.deepEqual(formatEnvironment(env), ['B=2', 'A=x=y']);
});

test('what is no assignment is refused without showing it', () => {
  assert.throws(() => parseEnvironment(['hunter2'], '-e'), { message: "-e: an assignment has no '='", exitCode: 2 });
  assert.throws(() => parseEnvironment(['a-b=1'], 'spec.env'), { message: "spec.env: 'a-b' is not a name of a variable", exitCode: 2 });
});

test('keys that hold secrets are known by their names', () => {
  for (const key of ['registryPassword', 'MYSQL_ROOT_PASSWD', 'TOKEN', 'clientSecret']) assert.ok(isSecretKey(key), key);
  for (const key of ['registryData', 'NAME', 'passport']) assert.ok(!isSecretKey(key), key);
});

test('systemd drives cgroups, except on a v1 host that is a container or has no systemd', () => {
  assert.equal(cgroupDriver({ systemd: true, cgroup: 'v2', sysResource: false }), 'systemd');
  assert.equal(cgroupDriver({ systemd: true, cgroup: 'v1', sysResource: true }), 'systemd');
  assert.equal(cgroupDriver({ systemd: true, cgroup: 'v1', sysResource: false }), 'cgroupfs');
  assert.equal(cgroupDriver({ systemd: false, cgroup: 'v2', sysResource: true }), 'cgroupfs');
});
