import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostFacts } from '../host/host.ts';
import { type InspectedHost, preflight, refuseFatal } from './preflight.ts';

const facts: HostFacts = {
  hostname: 'one',
  architecture: 'amd64',
  os: { id: 'debian', version: '12', prettyName: 'Debian 12' },
  kernel: '6.1',
  systemd: true,
  cgroup: 'v2',
  cpus: 2,
  memoryBytes: 4e9,
  diskFreeBytes: 50e9,
  clockSkewSeconds: 0.1,
  tools: { tar: true, gzip: true, zstd: true, iptables: true, nft: true, ipvsadm: false, modprobe: true },
  kernelFeatures: { ipvs: true, nftables: true, bridgeNetfilter: true, overlayfs: true, vxlan: true },
  sysResource: true,
  swapOn: false,
  selinuxEnforcing: false,
  listeningPorts: [22],
  addresses: ['10.0.0.1'],
  containerRuntimes: [],
};

function host(name: string, roles: readonly string[], change: Partial<HostFacts> = {}, fresh = true): InspectedHost {
  return { name, roles, facts: { ...facts, hostname: name, ...change }, fresh, bytesNeeded: 1e9 };
}

const containerd = { name: 'containerd', path: '/usr/bin/containerd', version: '1.6.20', running: true, containers: 0 };
const registry = { host: '10.0.0.1', port: 5000 };
const messages = (...hosts: readonly InspectedHost[]) => preflight(hosts, registry).map((finding) => `${finding.host}: ${finding.message}`);

test('hosts that are as they should be give no finding', () => {
  assert.deepEqual(messages(host('10.0.0.1', ['master']), host('10.0.0.2', ['node'])), []);
});

test('all findings of all hosts come at once, as one error of exit status 2', () => {
  const findings = preflight(
    [
      host('10.0.0.1', ['master'], { systemd: false, listeningPorts: [22, 5000, 6443] }),
      host('10.0.0.2', ['node'], { clockSkewSeconds: -40, diskFreeBytes: 1e9 }),
    ],
    registry,
  );
  assert.throws(
    () => refuseFatal(findings),
    (error: Error & { exitCode?: number }) => {
      assert.equal(error.exitCode, 2);
      for (const part of ['systemd', '5000', '6443', 'clock is 40 s behind', '1.0 GB are free'])
        assert.match(error.message, new RegExp(part));
      return true;
    },
  );
});

test('a host that already holds the cluster may listen on its ports and have its runtime', () => {
  assert.deepEqual(messages(host('10.0.0.1', ['master'], { listeningPorts: [5000, 6443], containerRuntimes: [containerd] }, false)), []);
});

test('two hosts of one name are refused by name, hosts of two architectures are not', () => {
  const found = messages(
    host('10.0.0.1', ['master'], { hostname: 'same' }),
    host('10.0.0.2', ['node'], { hostname: 'SAME', architecture: 'arm64' }),
  );
  assert.match(found.join('\n'), /10\.0\.0\.2: its hostname 'same' is also that of 10\.0\.0\.1/);
  assert.doesNotMatch(found.join('\n'), /arm64/);
});

test('a container runtime is refused, with its version and what to do; containerd may be taken over while it is empty', () => {
  const adopting = (...runtimes: readonly (typeof containerd)[]) =>
    preflight([host('10.0.0.1', ['master'], { containerRuntimes: runtimes })], registry, { adoptContainerd: true }).map(
      ({ message }) => message,
    );
  assert.deepEqual(messages(host('10.0.0.1', ['master'], { containerRuntimes: [containerd] })), [
    '10.0.0.1: /usr/bin/containerd (1.6.20, running) is there already; remove it, or let it be taken over with --adopt-containerd (a reset puts it back)',
  ]);
  assert.deepEqual(adopting(containerd), []);
  assert.match(adopting({ ...containerd, containers: 2 })[0] ?? '', /cannot be taken over: it holds 2 containers; remove them first/);
  const docker = { name: 'dockerd', path: '/usr/bin/dockerd', version: '24.0.7', running: false, containers: 0 };
  assert.match(
    adopting(docker, containerd)[0] ?? '',
    /^\/usr\/bin\/dockerd \(24\.0\.7, not running\) is there already, .*; remove it first, for docker: apt-get purge/,
  );
});
