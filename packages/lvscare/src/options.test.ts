import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CareError } from './error.ts';
import { parseCareOptions } from './options.ts';

const vs = ['--vs', '10.103.97.2:6443'];
const given = [...vs, '--rs', '10.0.0.1:6443', '--rs=10.0.0.2:6443'];

test('the arguments of existing manifests are understood', () => {
  const options = parseCareOptions(
    [...given, '--health-path', '/healthz', '--health-schem', 'https', '-i', 'lvscare', '--mode', 'link'],
    {},
  );
  assert.deepEqual(options.rs, [
    { ip: '10.0.0.1', port: 6443 },
    { ip: '10.0.0.2', port: 6443 },
  ]);
  assert.equal(options.interval, 5000);
  assert.equal(options.health.timeout, 10_000);
  assert.equal(options.health.verify, false);
  assert.equal(options.route, true);
  assert.equal(options.backend, 'auto');
});

test('flags that are not given come from CARE_<FLAG>, and a flag goes before it', () => {
  const env = {
    CARE_VS: '10.1.1.1:443',
    CARE_RS: '10.0.0.8:443,10.0.0.9:443',
    CARE_RUN_ONCE: 'true',
    CARE_INTERVAL: '7',
    CARE_HEALTH_STATUS: '401',
  };
  const options = parseCareOptions(['--interval', '1m30s'], { ...env, LVSCARE_NODE_IP: '10.0.0.5' });
  assert.equal(options.vs.ip, '10.1.1.1');
  assert.equal(options.rs.length, 2);
  assert.equal(options.runOnce, true);
  assert.equal(options.interval, 90_000);
  assert.equal(options.nodeIp, '10.0.0.5');
  assert.deepEqual(options.health.statuses, [401]);
  assert.equal(parseCareOptions([], env).interval, 7000);
  assert.equal(parseCareOptions(['--ip', '10.0.0.6'], { ...env, LVSCARE_NODE_IP: '10.0.0.5' }).nodeIp, '10.0.0.6');
});

test('switches are written alone or with a value', () => {
  assert.equal(parseCareOptions([...given, '--run-once'], {}).runOnce, true);
  assert.equal(parseCareOptions([...given, '--run-once=false'], { CARE_RUN_ONCE: 'true' }).runOnce, false);
  assert.equal(parseCareOptions([...given, '--health-insecure-skip-verify=false'], {}).health.verify, true);
  assert.equal(parseCareOptions([...given, '--health-ca', '/ca.crt'], {}).health.verify, true);
  assert.equal(parseCareOptions([...vs, '-C'], {}).clean, true);
  assert.equal(parseCareOptions([...given, '--mode='], {}).route, false);
});

test('IPv6 addresses stand in brackets', () => {
  const options = parseCareOptions(['--vs', '[fd00::2]:6443', '--rs', '[fd00:1::1]:6443'], {});
  assert.deepEqual(options.vs, { ip: 'fd00::2', port: 6443 });
});

test('what cannot be meant is refused with exit status 2 and names the flag', () => {
  const cases: readonly [RegExp, readonly string[]][] = [
    [/--vs IP:PORT is missing/, ['--rs', '10.0.0.1:1']],
    [/--rs IP:PORT is missing/, vs],
    [/--rs is '10.0.0.1'/, [...vs, '--rs', '10.0.0.1']],
    [/--rs is '10.0.0.1:70000'/, [...vs, '--rs', '10.0.0.1:70000']],
    [/not of one family/, [...vs, '--rs', '[fd00::1]:6443']],
    [/--interval is '5x'/, [...given, '--interval', '5x']],
    [/--interval is '0s'/, [...given, '--interval', '0s']],
    [/--scheduler is 'fast'/, [...given, '--scheduler', 'fast']],
    [/--mode is 'tunnel'/, [...given, '--mode', 'tunnel']],
    [/--health-req-headers has 'Broken'/, [...given, '--health-req-headers', 'Broken']],
    [/--run-once is 'perhaps'/, [...given, '--run-once=perhaps']],
    [/--health-path/, [...given, '--health-path', 'healthz']],
    [/--colour/, [...given, '--colour', 'red']],
  ];
  for (const [says, args] of cases) {
    assert.throws(
      () => parseCareOptions(args, {}),
      (error: unknown) => error instanceof CareError && error.exitCode === 2 && says.test(error.message),
      args.join(' '),
    );
  }
});
