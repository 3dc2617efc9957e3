// A host that has a containerd already (Debian's own): seen, refused with a reason, taken over, and put back as it was. Needs root.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gatherFacts, type Host, openHost, raw, script } from '@sealos/runtime';
import { type Lab, type LabHost, openLab } from '../../packages/lab/src/index.ts';
import { hostLayout } from '../../packages/runtime/src/layout.ts';
import { adoptRuntimeStep } from '../../packages/runtime/src/steps/adopt-runtime.ts';
import { ensureInstalled, unpacked } from '../../scripts/debian.ts';
import { until } from '../support/until.ts';

ensureInstalled(['systemd-container', 'debootstrap', 'iproute2', 'openssh-client']);

const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sealos', 'lab');
const never = new AbortController().signal;
const context = { signal: never, onLine: () => {}, onBytes: () => {} };
const layout = hostLayout('default');
let lab: Lab;
let server: LabHost;
let host: Host;

const UNIT = `[Unit]
Description=containerd of the host
[Service]
ExecStart=/usr/bin/containerd
Delegate=yes
KillMode=process
[Install]
WantedBy=multi-user.target
`;

const on = async (command: string) => (await host.run(script`${raw(command)}`, { title: 'try' })).stdout;
const steps = (adopt: boolean) => adoptRuntimeStep({ layout, hosts: [host.address], needs: [], adopt });

/** Everything of containerd on the host, with owners, modes and what is in it. */
const everything = () =>
  on(`for path in /usr/bin/containerd* /usr/bin/ctr /usr/sbin/runc /etc/containerd /etc/systemd/system/containerd.service /var/lib/containerd; do
  find "$path" -printf '%p %y %m %U:%G %l\\n' 2>/dev/null; done | grep -v '/var/lib/containerd/.*/' | sort
sha256sum /usr/bin/containerd* /usr/sbin/runc /etc/containerd/*; systemctl is-enabled containerd; systemctl is-active containerd || true`);

before(async () => {
  lab = openLab({ directory: cache, name: `test-runtime-${process.pid}` });
  const [first] = await lab.up({ count: 1 });
  assert.ok(first);
  server = first;
  const put = (packageName: string, ...paths: readonly string[]) => {
    for (const path of paths) cpSync(join(unpacked(packageName), path), join(server.root, path));
  };
  put('containerd', 'usr/bin/containerd', 'usr/bin/containerd-shim-runc-v2', 'usr/bin/ctr');
  put('runc', 'usr/sbin/runc');
  mkdirSync(join(server.root, 'etc/containerd'), { recursive: true });
  writeFileSync(join(server.root, 'etc/containerd/config.toml'), 'version = 2\n# of the host\n', { mode: 0o640 });
  writeFileSync(join(server.root, 'etc/systemd/system/containerd.service'), UNIT);
  host = await openHost({
    address: { ip: server.ip, port: server.port },
    user: 'root',
    credentials: { keyFile: server.sshKey, agent: 'none' },
    knownHosts: server.knownHosts,
    signal: never,
  });
  await on('systemctl daemon-reload; systemctl enable --now containerd 2>&1');
  await until('containerd to answer', 60_000, async () => (await on('ctr version >/dev/null 2>&1 && echo yes || true')) || undefined);
});

after(async () => {
  await host?.[Symbol.asyncDispose]();
  await lab.down();
});

test('it is seen, with its version, whether it runs, and how many containers it holds', async () => {
  const version = /\d+\.\d+\.\d+\S*/.exec(
    execFileSync(join(unpacked('containerd'), 'usr/bin/containerd'), ['--version'], { encoding: 'utf8' }),
  )?.[0];
  const seen = { name: 'containerd', path: '/usr/bin/containerd', version, running: true };
  assert.deepEqual((await gatherFacts(host, never)).containerRuntimes, [{ ...seen, containers: 0 }]);
  await on('ctr -n elsewhere containers create --rootfs /srv idle');
  assert.deepEqual((await gatherFacts(host, never)).containerRuntimes, [{ ...seen, containers: 1 }]);
});

test('with a container in it, it is not taken over, and stays as it is', async () => {
  const before = await everything();
  await assert.rejects(steps(true).apply(host, context), /containerd holds 1 containers: remove them first/);
  assert.equal(await everything(), before);
  assert.equal(existsSync(join(server.root, layout.data, 'adopted', 'containerd')), false);
  await on('ctr -n elsewhere containers rm idle');
});

test('it is left alone where nobody asked for it', async () => {
  assert.equal(await steps(false).check(host, context), 'done');
  await steps(false).undo?.(host, context);
  assert.equal(await on('systemctl is-active containerd'), 'active');
});

test("taken over, the image's own takes its place; put back, the host is as it was, and nothing of the other is left", async () => {
  const before = await everything();
  const step = steps(true);
  assert.deepEqual(await step.check(host, context), { what: 'set the containerd aside that is there' });
  await step.apply(host, context);
  assert.equal(await on('command -v containerd ctr runc || true; ls -d /etc/containerd /var/lib/containerd 2>/dev/null || true'), '');
  assert.equal(await on('systemctl is-active containerd || true'), 'inactive');
  assert.equal(await step.check(host, context), 'done');
  // A second time, and after the image has put its own: nothing is taken for the host's.
  await on(`printf '#!/bin/sh\\n' > /usr/bin/containerd; chmod 755 /usr/bin/containerd
mkdir -p /var/lib/containerd; printf '# installed by sealos\\n${UNIT.replaceAll('\n', '\\n')}' > /etc/systemd/system/containerd.service`);
  await step.apply(host, context);
  assert.equal(await step.check(host, context), 'done');
  assert.equal(await on('head -c 9 /usr/bin/containerd'), '#!/bin/sh');
  // What the image's clean-cri does.
  await on('rm -rf /usr/bin/containerd /etc/systemd/system/containerd.service /var/lib/containerd');
  await step.undo?.(host, context);
  await until('containerd to run again', 30_000, async () => (await on('ctr version >/dev/null 2>&1 && echo yes || true')) || undefined);
  assert.equal(await everything(), before);
  assert.equal(await on(`ls -d ${layout.data}/adopted /var/lib/containerd.adopted 2>/dev/null || true`), '');
  await step.undo?.(host, context);
  assert.equal(await everything(), before, 'undone twice');
});

test('killed at any moment, it goes on when it is run again', async () => {
  const before = await everything();
  for (const milliseconds of [5, 40, 80, 150, 300, 600, 1200]) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(new Error('enough')), milliseconds);
    await steps(true)
      .apply(host, { ...context, signal: stop.signal })
      .catch((error: Error) => assert.match(error.message, /enough/));
    clearTimeout(timer);
    // The next run may have forgotten that it was asked to: what was begun is finished all the same.
    if (existsSync(join(server.root, layout.data, 'adopted', 'containerd'))) await steps(false).apply(host, context);
    else await steps(true).apply(host, context);
    assert.equal(await on('command -v containerd ctr runc || true'), '', `${milliseconds} ms`);
    const undo = new AbortController();
    const second = setTimeout(() => undo.abort(new Error('enough')), milliseconds);
    await steps(false)
      .undo?.(host, { ...context, signal: undo.signal })
      .catch((error: Error) => assert.match(error.message, /enough/));
    clearTimeout(second);
    await steps(false).undo?.(host, context);
    await until('containerd to run again', 30_000, async () => (await on('ctr version >/dev/null 2>&1 && echo yes || true')) || undefined);
    assert.equal(await everything(), before, `${milliseconds} ms`);
  }
  assert.equal(spawnSync('cmp', [join(server.root, 'usr/bin/ctr'), join(unpacked('containerd'), 'usr/bin/ctr')]).status, 0);
  assert.match(readFileSync(join(server.root, 'etc/containerd/config.toml'), 'utf8'), /of the host/);
});
