import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { DISTRIBUTIONS } from '../distribution.ts';
import type { Host, HostFile } from '../host/host.ts';
import { type ApiGuardInput, apiGuardStep, guardImage, guardManifest, guardWarnings } from './api-guard.ts';

const at = (ip: string) => ({ ip, port: 22 });
const ours = guardImage({ lvscareImage: 'sealos.hub:5000/sealos/lvscare:1', labels: { 'sealos.io.lvscare.backends': 'ipvs nftables' } });
const upstream = guardImage({ lvscareImage: 'ghcr.io/labring/lvscare:v5.0.1', labels: {} });
const input = {
  workers: [
    { address: at('10.0.0.5'), balancing: 'nftables' },
    { address: at('10.0.0.6'), balancing: 'ipvs' },
    { address: at('10.0.0.7'), balancing: 'direct' },
  ],
  masters: [at('10.0.0.1'), at('10.0.0.2')],
  vip: '10.103.97.2',
  port: 6443,
  guard: ours,
  distribution: DISTRIBUTIONS.kubernetes,
  needs: ['join-workers'],
} as const satisfies ApiGuardInput;

const context = { signal: new AbortController().signal, onLine: () => {}, onBytes: () => {} };

/** A host that has one file at most. */
function hostWith(ip: string, content?: string): { readonly host: Host; file(): HostFile | undefined } {
  let file: HostFile | undefined = content === undefined ? undefined : { path: 'there', mode: 0o600, content };
  const refuse = () => Promise.reject(new Error('not expected'));
  const host: Host = {
    address: at(ip),
    name: ip,
    async run({ text }) {
      assert.match(text, /^rm -f \/etc\/kubernetes\/manifests\/kube-sealos-lvscare\.yaml$/);
      file = undefined;
      return { exitCode: 0, stdout: '', stderr: '' };
    },
    unpack: refuse,
    dial: refuse,
    async writeFiles(files) {
      [file] = files;
      return files.map(({ path }) => path);
    },
    readFile: async () => (file === undefined ? undefined : Buffer.from(file.content)),
    [Symbol.asyncDispose]: async () => {},
  };
  return { host, file: () => file };
}

test('the pod is the one that existing tools know, and is told what balances on its host', () => {
  const pod = parse(guardManifest(input, { ip: '10.0.0.5', balancing: 'nftables' }));
  assert.equal(pod.metadata.name, 'kube-sealos-lvscare');
  assert.equal(pod.metadata.namespace, 'kube-system');
  assert.equal(pod.spec.hostNetwork, true);
  assert.equal(pod.spec.priorityClassName, 'system-node-critical');
  const [container] = pod.spec.containers;
  assert.deepEqual(container.command, ['/usr/bin/lvscare']);
  assert.equal(
    container.args.join(' '),
    'care --vs 10.103.97.2:6443 --health-path /healthz --health-schem https --rs 10.0.0.1:6443 --rs 10.0.0.2:6443 --backend nftables --interval 3s',
  );
  assert.deepEqual(container.env, [{ name: 'LVSCARE_NODE_IP', value: '10.0.0.5' }]);
  assert.equal(container.securityContext.privileged, true);
  assert.equal(container.imagePullPolicy, 'IfNotPresent');
  assert.deepEqual(container.volumeMounts, [{ name: 'lib-modules', mountPath: '/lib/modules', readOnly: true }]);
});

test('the guard of another image gets only the flags that it knows', () => {
  const [container] = parse(guardManifest({ ...input, guard: upstream }, { ip: '10.0.0.6', balancing: 'ipvs' })).spec.containers;
  assert.ok(!container.args.some((word: string) => word === '--backend' || word === '--interval'));
  assert.equal(container.image, 'ghcr.io/labring/lvscare:v5.0.1');
});

test('a worker gets the pod once, again when the control planes are others, and loses it with the reset', async () => {
  const { host, file } = hostWith('10.0.0.5');
  const step = apiGuardStep(input);
  assert.deepEqual(await step.check(host, context), { what: 'have kube-sealos-lvscare watch 2 control planes' });
  await step.apply(host, context);
  assert.equal(file()?.path, '/etc/kubernetes/manifests/kube-sealos-lvscare.yaml');
  assert.equal(await step.check(host, context), 'done');
  const more = apiGuardStep({ ...input, masters: [...input.masters, at('10.0.0.3')] });
  assert.deepEqual(await more.check(host, context), { what: 'have kube-sealos-lvscare watch 3 control planes' });
  await step.undo?.(host, context);
  assert.equal(file(), undefined);
});

test('a worker without rules gets no pod, and one that had one loses it', async () => {
  assert.equal(await apiGuardStep(input).check(hostWith('10.0.0.7').host, context), 'done');
  const had = hostWith('10.0.0.7', 'kind: Pod\n');
  assert.deepEqual(await apiGuardStep(input).check(had.host, context), {
    what: 'remove /etc/kubernetes/manifests/kube-sealos-lvscare.yaml',
  });
  await apiGuardStep(input).apply(had.host, context);
  assert.equal(had.file(), undefined);
});

test('a guard that knows IPVS alone does not run where nftables balances, and the user hears of it', async () => {
  const step = apiGuardStep({ ...input, guard: upstream });
  assert.equal(await step.check(hostWith('10.0.0.5').host, context), 'done');
  assert.notEqual(await step.check(hostWith('10.0.0.6').host, context), 'done');
  const [nftables, direct, ...others] = guardWarnings({ ...input, guard: upstream });
  assert.match(nftables ?? '', /^10\.0\.0\.5 goes on calling control planes that are down/);
  assert.match(direct ?? '', /^10\.0\.0\.7 reaches the API at one control plane alone/);
  assert.deepEqual(others, []);
  assert.deepEqual(guardWarnings({ ...input, masters: input.masters.slice(0, 1), guard: upstream }), []);
});

test('with k3s the pod lies where its agent looks, and an API that wants to know who asks is well', () => {
  const { args } = parse(guardManifest({ ...input, distribution: DISTRIBUTIONS.k3s }, { ip: '10.0.0.5', balancing: 'nftables' })).spec
    .containers[0];
  assert.equal(args[args.indexOf('--health-status') + 1], '401');
});
