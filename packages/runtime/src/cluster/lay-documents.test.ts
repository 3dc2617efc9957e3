import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeadmDocument, parseKubeadmDocuments } from '../kubeadm/document.ts';
import type { Config } from './cluster.ts';
import { layConfigs, layDocuments } from './lay-documents.ts';

const config = (name: string, data: string): Config => ({ name, match: '', path: 'etc/a', strategy: 'override', data });
const parse = (text: string) => parseKubeadmDocuments(text, 'x');
const contents = (documents: readonly KubeadmDocument[]) => documents.map(({ kind, content }) => [kind, content]);

test('a Config takes the place of an earlier one of its name, named or not', () => {
  const laid = layConfigs([config('a', '1'), config('b', '2'), config('', '3')], [config('a', '4'), config('', '5')]);
  assert.deepEqual(
    laid.map(({ name, data }) => [name, data]),
    [
      ['b', '2'],
      ['a', '4'],
      ['', '5'],
    ],
  );
});

const head = (api: string, kind = 'ClusterConfiguration') => `apiVersion: kubeadm.k8s.io/${api}\nkind: ${kind}\n`;

test('documents of one kind become one, in the later version; the same document again changes nothing', () => {
  const old = parse(`${head('v1beta3')}apiServer: {certSANs: [a], extraArgs: {x: "1", y: "2"}}\nnetworking: {podSubnet: 10.0.0.0/16}\n`);
  const over = parse(
    `${head('v1beta4')}apiServer: {certSANs: [b, a], extraArgs: [{name: y, value: "3"}], extraVolumes: [{name: v, hostPath: /v}]}\n`,
  );
  const laid = layDocuments(old, over);
  assert.deepEqual(laid, [
    {
      kind: 'ClusterConfiguration',
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      content: {
        apiServer: {
          certSANs: ['a', 'b'],
          extraArgs: [
            { name: 'x', value: '1' },
            { name: 'y', value: '3' },
          ],
          extraVolumes: [{ name: 'v', hostPath: '/v' }],
        },
        networking: { podSubnet: '10.0.0.0/16' },
      },
    },
  ]);
  assert.deepEqual(layDocuments(laid, over), laid);
  assert.deepEqual(layDocuments(old, old), old);
});

test('what is taken out stays taken out when it is laid over defaults later', () => {
  const old = parse(`${head('v1beta3')}apiServer: {extraArgs: {x: "1"}, timeoutForControlPlane: 4m}\n`);
  const laid = layDocuments(old, parse(`${head('v1beta3')}apiServer: {extraArgs: {x: null, z: null}, timeoutForControlPlane: null}\n`));
  assert.deepEqual(contents(laid), [
    ['ClusterConfiguration', { apiServer: { extraArgs: { x: null, z: null }, timeoutForControlPlane: null } }],
  ]);
});
