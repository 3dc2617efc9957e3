import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DISTRIBUTIONS } from '../distribution.ts';
import type { Host } from '../host/host.ts';
import { planRemoval } from './plan-removal.ts';

const at = (ip: string) => ({ ip, port: 22 });

/** Runs the step by which a control plane leaves etcd, and returns what the seat was asked for. Its etcd runs elsewhere. */
async function leaving(name: keyof typeof DISTRIBUTIONS): Promise<string> {
  const said: string[] = [];
  const seat: Host = {
    address: at('10.0.0.1'),
    name: 'seat',
    async run({ text }: { readonly text: string }) {
      said.push(text);
      return { exitCode: 0, stdout: '', stderr: '' };
    },
    async readFile(path: string) {
      said.push(path);
      return undefined;
    },
  } as Partial<Host> as Host;
  const steps = planRemoval({
    ...{ seat: seat.address, made: { steps: [] }, needs: [], force: false, hostOf: () => seat },
    distribution: DISTRIBUTIONS[name],
    leaving: [{ address: at('10.0.0.2'), controlPlane: true, node: 'h2' }],
  });
  const context = { signal: new AbortController().signal, onLine: () => {}, onBytes: () => {} };
  await steps.find(({ id }) => id === 'leave-etcd 10.0.0.2')?.apply(seat, context);
  return said.join('\n');
}

test("a control plane of k3s leaves etcd with its node, which k3s' own etcd follows; one of kubeadm by asking its etcd", async () => {
  const k3s = await leaving('k3s');
  assert.match(k3s, /kubectl --kubeconfig \/etc\/rancher\/k3s\/k3s\.yaml delete node/);
  assert.doesNotMatch(k3s, /etcd\.yaml|\/etc\/kubernetes\/admin\.conf/);
  assert.equal(await leaving('kubernetes'), '/etc/kubernetes/manifests/etcd.yaml', 'an etcd that runs elsewhere is left alone');
});
