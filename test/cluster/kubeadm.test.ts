import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { kubeadmDocuments } from '../../packages/runtime/src/kubeadm/documents.ts';
import type { KubeadmHost } from '../../packages/runtime/src/kubeadm/plan.ts';
import { ensurePki } from '../../packages/runtime/src/pki/pki.ts';

const version = 'v1.20.2';
// Built from Debian's source, the first time in some minutes; it prints the directory of the programs first.
const source = join(dirname(dirname(import.meta.dirname)), 'images', 'kubernetes', 'sources', 'debian-kubernetes.sh');
const [programs = ''] = execFileSync('bash', [source, version], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).split('\n');
const bin = join(programs, 'bin');

const facts = {
  hostname: 'M0',
  kernelFeatures: { ipvs: true, nftables: false, bridgeNetfilter: false, overlayfs: true, vxlan: true },
  sysResource: false,
  swapOn: true,
  cgroup: 'v1',
  systemd: true,
} as const;
const hosts: readonly KubeadmHost[] = [
  { address: { ip: '10.0.0.11', port: 22 }, role: 'master', facts },
  { address: { ip: '10.0.0.12', port: 22 }, role: 'master', facts: { ...facts, hostname: 'm1', swapOn: false } },
  { address: { ip: '10.0.0.21', port: 22 }, role: 'worker', facts: { ...facts, hostname: 'w0', cgroup: 'v2' } },
];

let work: string;
before(() => {
  work = mkdtempSync(join(tmpdir(), 'sealos-kubeadm-'));
});
after(() => rmSync(work, { recursive: true, force: true }));

const kubernetes = join(tmpdir(), 'unused');
function documents(directory = kubernetes, caCertHash = `sha256:${'0'.repeat(64)}`) {
  const certificatesDir = {
    kind: 'ClusterConfiguration',
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    content: { certificatesDir: join(directory, 'pki') },
  } as const;
  return kubeadmDocuments({
    version,
    hosts,
    vip: '10.103.97.2',
    token: 'abcdef.0123456789abcdef',
    caCertHash,
    userDocuments: [certificatesDir],
  });
}

function run(program: string, ...args: string[]): { output: string; warnings: string } {
  const { status, stdout, stderr } = spawnSync(join(bin, program), args, { cwd: work, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return { output: stdout, warnings: stderr };
}

function save(name: string, text: string): string {
  writeFileSync(join(work, name), text);
  return join(work, name);
}

test('kubeadm reads every document and knows every member of it', () => {
  const { init, join: joins } = documents();
  for (const [name, text] of [['init.yaml', init], ...[...joins].map(([ip, one]) => [`${ip}.yaml`, one] as const)] as const) {
    const { warnings } = run('kubeadm', 'config', 'migrate', '--old-config', save(name, text), '--new-config', join(work, `new-${name}`));
    assert.equal(warnings, '', name);
  }
  // What was asked is what kubeadm understood.
  const understood = readFileSync(join(work, 'new-init.yaml'), 'utf8');
  for (const line of [
    'advertiseAddress: 10.0.0.11',
    'name: m0',
    'podSubnet: 100.64.0.0/10',
    'controlPlaneEndpoint: apiserver.cluster.local:6443',
  ]) {
    assert.ok(understood.includes(line), line);
  }
  assert.ok(readFileSync(join(work, 'new-10.0.0.12.yaml'), 'utf8').includes('advertiseAddress: 10.0.0.12'));
});

test('a member that kubeadm does not know is noticed by this test', () => {
  const wrong = documents().init.replace('cgroupDriver:', 'noSuchMember: 1\ncgroupDriver:');
  const { warnings } = run(
    'kubeadm',
    'config',
    'migrate',
    '--old-config',
    save('wrong.yaml', wrong),
    '--new-config',
    join(work, 'new-wrong.yaml'),
  );
  assert.match(warnings, /unknown field "noSuchMember"/);
});

test('kube-proxy reads its configuration strictly and keeps the virtual address', () => {
  const { init } = documents();
  const config = save('proxy.yaml', init.slice(init.lastIndexOf('---\n') + 4));
  run('kube-proxy', '--config', config, '--write-config-to', join(work, 'proxy-out.yaml'));
  const understood = readFileSync(join(work, 'proxy-out.yaml'), 'utf8');
  assert.match(understood, /excludeCIDRs:\n {2}- 10\.103\.97\.2\/32\n/);
  assert.match(understood, /mode: ipvs\n/);
});

test('kubeadm init finds every certificate and kubeconfig made for it, and makes none itself', async () => {
  const pki = await ensurePki(join(work, 'home'), {
    masters: [
      { ip: '10.0.0.11', nodeName: 'm0' },
      { ip: '10.0.0.12', nodeName: 'm1' },
    ],
    version,
    vip: '10.103.97.2',
    serviceSubnet: '10.96.0.0/22',
  });
  const directory = join(work, 'kubernetes');
  const files = (pki.files.get('10.0.0.11') ?? []).map(({ path, content }) => ({
    path: path.replace('/etc/kubernetes', directory),
    content,
  }));
  for (const { path, content } of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  const config = save('init-pki.yaml', documents(directory, pki.caCertHash).init);
  const certificates = run('kubeadm', 'init', 'phase', 'certs', 'all', '--config', config).output;
  const kubeconfigs = run('kubeadm', 'init', 'phase', 'kubeconfig', 'all', '--config', config, '--kubeconfig-dir', directory).output;
  for (const line of [...certificates.trim().split('\n'), ...kubeconfigs.trim().split('\n')].filter((one) => !one.includes('folder'))) {
    assert.match(line, /Using (?:the )?existing/);
  }
  for (const { path, content } of files) assert.equal(readFileSync(path, 'utf8'), String(content), path);
  assert.equal(readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length, files.length);
  const expiry = run('kubeadm', 'certs', 'check-expiration', '--cert-dir', join(directory, 'pki'), '--config', config).output;
  assert.equal(expiry.match(/\b(?:99|100)y\b/g)?.length, 10, expiry);
});
