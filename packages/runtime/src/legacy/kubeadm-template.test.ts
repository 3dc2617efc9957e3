import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseKubeadmDocuments } from '../kubeadm/document.ts';
import { OLDER_KUBEADM_TEMPLATE, type OlderKubeadmFlags, olderKubeadmDocuments } from './kubeadm-template.ts';

const flags: OlderKubeadmFlags = { version: 'v1.22.0', vip: '10.103.97.2', masters: '10.0.0.1-10.0.0.2,10.0.0.9:2222', certSans: [] };
const documents = (more: Partial<OlderKubeadmFlags>) =>
  olderKubeadmDocuments({ ...flags, ...more }).map((text) => parseKubeadmDocuments(text, 'kubeadm'));

test('the template that is printed, given back, has the names of all control planes and the virtual address', () => {
  const [[cluster, proxy] = []] = documents({ template: OLDER_KUBEADM_TEMPLATE });
  assert.deepEqual(cluster?.content, {
    networking: { podSubnet: '100.64.0.0/10' },
    apiServer: { certSANs: ['127.0.0.1', 'apiserver.cluster.local', '10.0.0.1', '10.0.0.2', '10.0.0.9', '10.103.97.2'] },
  });
  assert.deepEqual(proxy?.content, { mode: 'ipvs', ipvs: { excludeCIDRs: ['10.103.97.2/32'] } });
});

test('flags are documents that come after the template', () => {
  const [own, laid, ...more] = documents({
    template: OLDER_KUBEADM_TEMPLATE,
    podCidr: '10.1.0.0/16',
    serviceCidr: '10.2.0.0/16',
    certSans: ['sealyun.com'],
    repository: 'registry.local/k8s',
  });
  assert.equal(own?.length, 2);
  assert.deepEqual(laid?.[0]?.content, {
    networking: { podSubnet: '10.1.0.0/16', serviceSubnet: '10.2.0.0/16' },
    apiServer: { certSANs: ['sealyun.com'] },
    imageRepository: 'registry.local/k8s',
  });
  assert.deepEqual(more, []);
});

test('without a flag that says something there are no documents', () => {
  assert.deepEqual(documents({}), []);
});

test('what is wrong with a template or a range is bad input', () => {
  const refused = (more: Partial<OlderKubeadmFlags>, code: string) =>
    assert.throws(
      () => documents(more),
      (error: unknown) => error instanceof Error && 'code' in error && error.code === code,
    );
  refused({ template: '{{.Masters' }, 'bad-kubeadm-template');
  refused({ template: 'a: [' }, 'bad-kubeadm-template');
  refused({ podCidr: '10.1.0.0' }, 'bad-address');
  refused({ serviceCidr: 'here/16' }, 'bad-address');
});
