import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostLayout } from '../layout.ts';
import { balancedMembers, parseHostAnswers, statusQuestions } from './host-answers.ts';

test('a host without any part of a cluster answers, and has none', () => {
  const root = mkdtempSync(join(tmpdir(), 'sealos-status-'));
  try {
    const layout = hostLayout('none', root);
    const { text } = statusQuestions(layout, 'api.example.invalid');
    const { status, stdout, stderr } = spawnSync('bash', ['-c', text], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const answers = parseHostAnswers(stdout, 'api.example.invalid');
    assert.equal(answers.markers.size, 0);
    assert.equal(answers.reachesApi, undefined, 'a name that nothing knows is not asked about');
    assert.equal(answers.balancedTo, undefined);
    assert.deepEqual(answers.registry, { domain: 'sealos.hub', port: 5000 });
    assert.equal(answers.names.get('localhost') !== undefined, true);

    mkdirSync(layout.markers, { recursive: true });
    mkdirSync(join(layout.rootfs, 'etc'), { recursive: true });
    writeFileSync(join(layout.markers, 'kubeadm-join'), 'x');
    writeFileSync(join(layout.rootfs, 'etc', 'registry.yml'), 'domain: hub.example\nport: "5001"\nusername: admin\npassword: hunter22\n');
    const more = spawnSync('bash', ['-c', text], { encoding: 'utf8' }).stdout;
    assert.doesNotMatch(more, /hunter22/, 'the password does not leave the host');
    const member = parseHostAnswers(more, 'api.example.invalid');
    assert.match(member.markers.get('kubeadm-join') ?? '', /^20\d\d-/);
    assert.deepEqual(member.registry, { domain: 'hub.example', port: 5001 });
    assert.ok((member.disks[0]?.totalBytes ?? 0) > 0);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('the members of an address are read from rules of nftables and of IPVS', () => {
  assert.deepEqual(
    balancedMembers(['ip daddr 10.103.97.2 tcp dport 6443 dnat to numgen inc mod 2 map { 0 : 10.0.0.1, 1 : 10.0.0.2 }'], []),
    ['10.0.0.1', '10.0.0.2'],
    'the address itself is none of them',
  );
  assert.deepEqual(balancedMembers(['ip daddr 10.103.97.2 tcp dport 6443 dnat to 10.0.0.1:6443'], []), ['10.0.0.1']);
  assert.deepEqual(
    balancedMembers([], ['-a -t 10.103.97.2:6443 -r 10.0.0.1:6443 -m -w 1', '-a -t 10.103.97.2:6443 -r 10.0.0.2:6443 -m -w 0']),
    ['10.0.0.1'],
    'one with the weight 0 is sent nothing',
  );
  assert.deepEqual(balancedMembers([], ['-a -t [fd00::2]:6443 -r [fd00::1]:6443 -m -w 1']), ['fd00::1']);
});

test('an answer that makes no sense is left out, not taken for something', () => {
  const answers = parseHostAnswers('certificate=/x|bm90IGEgY2VydGlmaWNhdGU=\nnonsense\nversion=kubelet|Kubernetes v1.20.2\n', 'x');
  assert.equal(answers.certificate, undefined);
  assert.deepEqual(answers.versions, { kubelet: 'v1.20.2' });
});
