// Defects of the first sealos (sealos-interop.md §11) that show without a host: each is a promise here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cluster, clusterFromFlags, executePlan, type Host, htpasswd, parseRegistryConfig, type Step } from '@sealos/runtime';
import { compare } from 'bcryptjs';
import { DISTRIBUTIONS } from '../../packages/runtime/src/distribution.ts';
import type { HostFacts } from '../../packages/runtime/src/host/host.ts';
import { planRemoval } from '../../packages/runtime/src/plan/plan-removal.ts';
import { type InspectedHost, preflight, refuseFatal } from '../../packages/runtime/src/run/preflight.ts';
import { configuredCgroupDriver } from '../../packages/runtime/src/run/prepare-kubeadm.ts';
import { recorded } from '../../packages/runtime/src/run/recorded.ts';
import { meanwhile } from '../../packages/runtime/src/run/wish.ts';
import { tokenAdmission } from '../../packages/runtime/src/steps/kubeadm-join.ts';

const signal = new AbortController().signal;
const address = (ip: string) => ({ ip, port: 22 });
const cluster = (masters: string, nodes: string): Cluster => clusterFromFlags({ name: 'default', images: ['k'], masters, nodes, ssh: {} });
const phases = (written: readonly Cluster[]) => written.map(({ status }) => status.phase);

test('defect 8: after a failure the state says so, and the same call works on instead of calling it a success', async () => {
  const written: Cluster[] = [];
  const wanted = cluster('10.0.0.1', '');
  let isRepaired = false;
  let applied = 0;
  const step: Step = {
    ...{ id: 'a', title: 'a', hosts: [address('10.0.0.1')], needs: [] },
    check: async () => ({ what: 'work' }),
    async apply() {
      if (!isRepaired) throw new Error('no');
      applied++;
    },
  };
  const call = () =>
    recorded({
      ...{ before: wanted, standing: wanted, after: wanted, requested: [], applications: new Set<string>() },
      write: async (one) => {
        written.push(one);
      },
      execute: async (onEvent) => (await executePlan({ steps: [step] }, hostOf, { onEvent, signal })).changed,
    });
  await assert.rejects(call());
  assert.deepEqual(phases(written), ['ClusterInProcess', 'ClusterFailed']);
  isRepaired = true;
  assert.equal(await call(), 1);
  assert.equal(applied, 1);
  assert.equal(phases(written).at(-1), 'ClusterSuccess');
});

/** These plans and steps look at a host's address alone. */
const hostOf = (one: { readonly ip: string; readonly port: number }) => ({ address: one, name: one.ip }) as Host;

test('defect 9: hosts that come and hosts that leave in one call are both known until all is done, and none is forgotten', () => {
  const both = meanwhile(cluster('10.0.0.1', '10.0.0.3'), { cluster: cluster('10.0.0.1', '10.0.0.2'), configs: [], kubeadm: [] });
  assert.deepEqual(
    both.hosts.flatMap(({ ips }) => ips.map(({ ip }) => ip)),
    ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  );
  const steps = removal(['join of 10.0.0.3']);
  assert.deepEqual(steps[0]?.needs, ['join of 10.0.0.3'], 'what leaves goes after what comes');
  assert.ok(steps.some(({ id }) => id === 'forget 10.0.0.2'));
});

function removal(needs: readonly string[]): readonly Step[] {
  return planRemoval({
    ...{ seat: address('10.0.0.1'), made: { steps: [] }, needs, distribution: DISTRIBUTIONS.kubernetes, force: false, hostOf },
    leaving: [
      { address: address('10.0.0.2'), controlPlane: true, node: 'h2' },
      { address: address('10.0.0.4'), controlPlane: true, node: 'h4' },
    ],
  });
}

test('defect 10: hosts are drained before they leave, control planes go one after the other, and a failure stops the rest', async () => {
  const ids = removal([]).map(({ id }) => id);
  assert.deepEqual(ids.slice(0, 4), ['drain 10.0.0.2', 'leave-etcd 10.0.0.2', 'drain 10.0.0.4', 'leave-etcd 10.0.0.4']);
  const begun: string[] = [];
  const failing = removal([]).map((step) => ({
    ...step,
    check: async () => ({ what: 'work' }),
    apply: async () => {
      begun.push(step.id);
      if (step.id === 'leave-etcd 10.0.0.2') throw new Error('no quorum');
    },
  }));
  await assert.rejects(executePlan({ steps: failing }, hostOf, { onEvent: () => {}, signal }), /no quorum/);
  assert.deepEqual(begun, ['drain 10.0.0.2', 'leave-etcd 10.0.0.2']);
});

test('defect 12: a token for hosts that join is made for each call and lasts an hour', async () => {
  let sent = '';
  const seat = {
    ...hostOf(address('10.0.0.1')),
    run: async ({ text }: { readonly text: string }) => {
      sent += text;
      return { stdout: '', stderr: '', exitCode: 0 };
    },
  } as unknown as Host;
  const admit = tokenAdmission(() => seat, 'abcdef.0123456789abcdef');
  await Promise.all([admit(signal), admit(signal)]);
  const expirations = [...sent.matchAll(/"expiration":"([^"]+)"/g)].map(([, time]) => Date.parse(time ?? ''));
  assert.equal(expirations.length, 1, 'once, however many hosts join');
  const minutes = ((expirations[0] ?? 0) - Date.now()) / 60_000;
  assert.ok(minutes > 50 && minutes < 61, `${minutes} minutes`);
});

test('defect 18: a password may hold colons, for the registry as for those who log in', async () => {
  const { username, password } = parseRegistryConfig('username: admin\npassword: "a:b:c"\n', 'etc/registry.yml');
  const line = (await htpasswd({ username, password })) ?? '';
  assert.equal(await compare('a:b:c', line.trim().slice('admin:'.length)), true);
});

test("defect 22: the cgroup driver is read of containerd's configuration of version 3 too", () => {
  for (const [setting, driver] of [
    ['true', 'systemd'],
    ['false', 'cgroupfs'],
  ] as const) {
    const content = `version = 3\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]\n  SystemdCgroup = ${setting}\n`;
    assert.equal(configuredCgroupDriver([{ path: '/x/etc/config.toml', content, mode: 0o644 }]), driver);
  }
});

test('defect 23: that an image has no etc/registry.yml is told', () => {
  const warnings: string[] = [];
  parseRegistryConfig(undefined, 'k:etc/registry.yml', (message) => warnings.push(message));
  assert.match(warnings.join('\n'), /^k:etc\/registry\.yml is not there: the registry is taken to be sealos\.hub:5000/);
});

test('defect 24: clocks and names are looked at however many control planes there are, an even number too', () => {
  const facts: Pick<HostFacts, 'clockSkewSeconds' | 'hostname'> = { clockSkewSeconds: 90, hostname: 'same' };
  for (const count of [1, 2, 3, 4]) {
    const hosts = Array.from({ length: count }, (_, index) => inspected(`10.0.0.${index + 1}`, index === count - 1 ? facts : {}));
    assert.throws(() => refuseFatal(preflight(hosts, { host: '10.0.0.1', port: 5000 })), /clock is 90 s ahead of/);
  }
  const twins = ['10.0.0.1', '10.0.0.2'].map((ip) => inspected(ip, { hostname: 'same' }));
  assert.throws(() => refuseFatal(preflight(twins, { host: '10.0.0.1', port: 5000 })), /'same' is also that of 10\.0\.0\.1/);
});

function inspected(name: string, change: Partial<HostFacts>): InspectedHost {
  const facts: HostFacts = {
    ...{ hostname: name, architecture: 'amd64', kernel: '6.1', systemd: true, cgroup: 'v2', cpus: 2, memoryBytes: 4e9 },
    ...{ diskFreeBytes: 50e9, clockSkewSeconds: 0, sysResource: true, swapOn: false, selinuxEnforcing: false, listeningPorts: [] },
    os: { id: 'debian', version: '12', prettyName: 'Debian 12' },
    tools: { tar: true, gzip: true, zstd: true, iptables: true, nft: true, ipvsadm: false, modprobe: true },
    kernelFeatures: { ipvs: true, nftables: true, bridgeNetfilter: true, overlayfs: true, vxlan: true },
    addresses: [name],
    containerRuntimes: [],
    ...change,
  };
  return { name, roles: ['master'], facts, fresh: true, bytesNeeded: 1e9 };
}
