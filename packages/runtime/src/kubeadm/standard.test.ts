import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type KubeadmDocument, parseKubeadmDocuments } from './document.ts';
import { kubeadmDocuments } from './documents.ts';
import type { KubeadmHost } from './plan.ts';
import { generatedDocuments } from './standard.ts';

const facts: KubeadmHost['facts'] = {
  hostname: 'm0',
  kernelFeatures: { ipvs: true, nftables: true, bridgeNetfilter: true, overlayfs: true, vxlan: true },
  sysResource: true,
  swapOn: false,
  cgroup: 'v2',
  systemd: true,
};
const hostSets: readonly (readonly KubeadmHost[])[] = [
  [{ address: { ip: '10.0.0.11', port: 22 }, role: 'master', facts }],
  [
    { address: { ip: '10.0.0.11', port: 22 }, role: 'master', facts: { ...facts, swapOn: true, cgroup: 'v1', sysResource: false } },
    { address: { ip: '10.0.0.12', port: 22 }, role: 'master', facts: { ...facts, hostname: 'm1' } },
    {
      address: { ip: '10.0.0.21', port: 22 },
      role: 'worker',
      facts: { ...facts, hostname: 'w0', kernelFeatures: { ...facts.kernelFeatures, ipvs: false } },
    },
  ],
];

const user = (api: string) =>
  parseKubeadmDocuments(
    `apiVersion: kubeadm.k8s.io/${api}
kind: ClusterConfiguration
networking: {podSubnet: 10.160.0.0/12}
apiServer:
  certSANs: [a.example]
  ${api === 'v1beta4' ? 'extraArgs: [{name: audit-log-maxage, value: "30"}, {name: enable-aggregator-routing, value: null}]' : 'extraArgs: {audit-log-maxage: 30, enable-aggregator-routing: null}'}
  ${api === 'v1beta4' ? '' : 'timeoutForControlPlane: 9m0s'}
controllerManager: {extraVolumes: [{name: localtime, hostPath: /etc/other, mountPath: /etc/localtime}]}
---
apiVersion: kubeadm.k8s.io/${api}
kind: InitConfiguration
nodeRegistration: {taints: [], ${api === 'v1beta4' ? 'kubeletExtraArgs: [{name: v, value: "4"}]' : 'kubeletExtraArgs: {v: "4"}'}}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 200
evictionHard: null
`,
    'user.yml',
  );
const image = parseKubeadmDocuments(
  'apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\nclusterName: image\nscheduler: {extraArgs: {v: "1"}}\n',
  'etc/kubeadm.yml',
);

const bothFamilies = parseKubeadmDocuments(
  'apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\nnetworking: {podSubnet: "10.160.0.0/12,fd00:10::/48", serviceSubnet: "10.96.0.0/16,fd00:20::/112"}\n',
  'user.yml',
);

for (const version of ['v1.18.20', 'v1.20.2', 'v1.24.0', 'v1.29.9', 'v1.33.1']) {
  for (const [what, userDocuments] of [
    ['no documents', []],
    ['networks of both families', bothFamilies],
    ['documents of v1beta3', user('v1beta3')],
    ['documents of v1beta4', user('v1beta4')],
  ] as const satisfies readonly (readonly [string, readonly KubeadmDocument[]])[]) {
    test(`a cluster of ${version} from generated documents is the one from ${what}`, () => {
      const { documents } = generatedDocuments({ version, imageDocuments: image, auditPolicy: true, master: '10.0.0.11' }, userDocuments);
      for (const hosts of hostSets) {
        const plan = (given: readonly KubeadmDocument[]) => {
          const { warnings: _warnings, ...rest } = kubeadmDocuments({
            version,
            hosts,
            vip: '10.103.97.2',
            token: 'abcdef.0123456789abcdef',
            caCertHash: 'sha256:00',
            imageDocuments: image,
            userDocuments: given,
          });
          return rest;
        };
        assert.deepEqual(plan(documents), plan(userDocuments));
      }
      const api = version === 'v1.33.1' ? 'v1beta4' : version === 'v1.18.20' || version === 'v1.20.2' ? 'v1beta2' : 'v1beta3';
      assert.ok(documents.every(({ apiVersion }) => !apiVersion.startsWith('kubeadm') || apiVersion.endsWith(api)));
      const again = generatedDocuments({ version, imageDocuments: image, auditPolicy: true, master: '10.0.0.11' }, documents);
      assert.deepEqual(again.documents, documents, 'generating from what was generated changes nothing');
    });
  }
}
