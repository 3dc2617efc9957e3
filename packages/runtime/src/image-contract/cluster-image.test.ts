import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageConfig } from '@sealos/image';
import { clusterImage, imageVip, lifecycleScripts, overrideCommand, validateImages } from './cluster-image.ts';
import { substituteLabel } from './label-text.ts';

function config(members: NonNullable<ImageConfig['config']>): ImageConfig {
  return { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] }, config: members };
}

const rootfsLabels = { 'sealos.io.type': 'rootfs', 'sealos.io.version': 'v1beta1', version: 'v1.24.0' };
const rootfs = (labels: Record<string, string> = {}, env: string[] = []) =>
  clusterImage('labring/kubernetes:v1.24.0', config({ Labels: { ...rootfsLabels, ...labels }, Env: env }));
const application = (labels: Record<string, string> = {}, name = 'app:1') => clusterImage(name, config({ Labels: labels }));
const badInputWith = (message: RegExp) => (error: Error & { exitCode?: number }) => error.exitCode === 2 && message.test(error.message);

test('the published containerd rootfs is read whole', () => {
  const image = clusterImage(
    'labring/kubernetes:v1.24.0',
    config({
      Labels: {
        ...rootfsLabels,
        init: 'init-cri.sh $registryDomain $registryPort && bash init.sh',
        check: 'check.sh $registryData',
        vip: '$defaultVIP',
        image: 'ghcr.io/labring/lvscare:v4.1.5',
      },
      Env: ['PATH=/usr/bin', 'defaultVIP=10.103.97.9', 'registryData=/var/lib/registry', 'EMPTY='],
    }),
  );
  assert.equal(image.kind, 'rootfs');
  assert.equal(image.version, 'v1.24.0');
  assert.equal(image.vip, '10.103.97.9');
  assert.equal(image.lvscareImage, 'ghcr.io/labring/lvscare:v4.1.5');
  assert.deepEqual([...image.env.keys()], ['defaultVIP', 'registryData', 'EMPTY']);
  assert.deepEqual(image.scripts, { check: 'check.sh $registryData', init: 'init-cri.sh $registryDomain $registryPort && bash init.sh' });
  assert.equal(imageVip(image, new Map([['defaultVIP', '10.1.1.1']]), '10.0.0.11'), '10.1.1.1');
  const usual = new Map([['defaultVIP', '10.103.97.2']]);
  assert.equal(imageVip(image, usual, '10.0.0.11'), '10.103.97.2');
  assert.equal(imageVip(image, usual, 'fd00::11'), 'fd00:10:103:97::2', 'the usual one of the family of the control planes');
  assert.equal(imageVip(image, new Map([['defaultVIP', 'fd00::9']]), 'fd00::11'), 'fd00::9');
});

test('an image without labels is an application', () => {
  const image = clusterImage('nginx', config({ Cmd: ['kubectl apply -f manifests'] }));
  assert.equal(image.kind, 'application');
  assert.equal(image.version, undefined);
  assert.deepEqual(image.commands, ['kubectl apply -f manifests']);
});

test('both spellings of labels count, and sealos.io wins', () => {
  assert.equal(application({ 'apps.sealos.io/type': 'patch' }).kind, 'patch');
  assert.equal(application({ 'apps.sealos.io/type': 'rootfs', 'sealos.io.type': 'patch' }).kind, 'patch');
});

test('entrypoint lines come before command lines, and the words of the shell form go', () => {
  const image = clusterImage('app', config({ Entrypoint: ['bash entry.sh'], Cmd: ['/bin/sh', '-c', 'bash cmd.sh'] }));
  assert.deepEqual(image.commands, ['bash entry.sh', 'bash cmd.sh']);
  assert.deepEqual(overrideCommand(image, ['other']).commands, ['bash entry.sh', 'other']);
  assert.equal(overrideCommand(image, []), image);
});

test('a rootfs of a contract that is not known, or without a version of Kubernetes, is refused; one of 2022 says no contract', () => {
  const first = clusterImage('k', config({ Labels: { 'sealos.io.type': 'rootfs', version: 'v1.24.0' } }));
  assert.deepEqual([first.kind, first.firstGeneration, rootfs().firstGeneration], ['rootfs', true, false]);
  assert.equal(rootfs({ 'sealos.io.version': '' }).firstGeneration, true);
  assert.throws(() => rootfs({ 'sealos.io.version': 'v9' }), badInputWith(/'v9'/));
  assert.throws(() => rootfs({ version: 'latest' }), badInputWith(/'latest', not a Kubernetes version/));
  assert.equal(rootfs({ version: '1.24.0' }).version, 'v1.24.0');
  assert.throws(() => application({ 'sealos.io.type': 'thing' }), badInputWith(/'thing'/));
});

test('a label is substituted in one pass and with the longest key first', () => {
  const env = new Map([
    ['registry', 'short'],
    ['registryData', '/data/$registry'],
    ['a.b', 'dotted'],
  ]);
  assert.equal(
    substituteLabel('$registryData ${registryData} $(registry) $registry-x $other $(a.b)', env),
    '/data/$registry /data/$registry short short-x $other dotted',
  );
});

test('defaults are filled in, patches win over the rootfs, and an application cannot take a script over', () => {
  const patch = clusterImage('patch', config({ Labels: { 'sealos.io.type': 'patch', clean: 'clean2.sh' } }));
  const scripts = lifecycleScripts([
    rootfs({ init: 'i.sh', clean: 'c.sh' }),
    patch,
    application({ init: 'evil.sh', 'init-cri': 'evil.sh' }),
  ]);
  assert.deepEqual(scripts, {
    check: 'check.sh',
    initRegistry: 'init-registry.sh',
    init: 'i.sh',
    clean: 'clean2.sh',
    cleanRegistry: 'clean-registry.sh',
  });
});

test('skipped kubeadm phases come from our label', () => {
  assert.deepEqual(rootfs({ 'sealos.io.kubeadm.skip-phases': 'preflight, addon/coredns' }).skipPhases, ['preflight', 'addon/coredns']);
  assert.deepEqual(rootfs().skipPhases, []);
});

test('images that cannot be run together are refused before anything is touched', () => {
  assert.throws(() => validateImages([], { newCluster: true }), badInputWith(/no image/));
  assert.throws(() => validateImages([application(), rootfs()], { newCluster: true }), badInputWith(/app:1 is an application image/));
  assert.throws(() => validateImages([rootfs(), { ...rootfs(), name: 'other' }], { newCluster: true }), badInputWith(/both rootfs/));
  assert.throws(() => validateImages([rootfs(), application(), application()], { newCluster: true }), badInputWith(/app:1 is named twice/));
  validateImages([application()], { newCluster: false });
  validateImages([rootfs(), application()], { newCluster: true });
});

for (const [where, members] of [
  ['a label', { Labels: { ...rootfsLabels, init: 'init.sh\0rm -rf /' } }],
  ['a variable', { Env: ['A=b\0c'] }],
  ['a command', { Cmd: ['echo\0'] }],
  ['an entrypoint', { Entrypoint: ['\0'] }],
] as const) {
  test(`a zero byte in ${where} is bad input: it would end the script on a host`, () => {
    assert.throws(
      () => clusterImage('app', config({ ...members } as NonNullable<ImageConfig['config']>)),
      badInputWith(/^app: .*zero byte/),
    );
  });
}

test('what labels say is shown without control characters', () => {
  assert.throws(() => application({ 'sealos.io.type': '\x1b[2J' }), badInputWith(/^app:1: label sealos.io.type is '\?\[2J'$/));
});
