import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { fitClusterConfiguration, fitComponentConfiguration, imageRepositoryOf, kubeletConfigMap } from './configuration.ts';

const old = `apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: v1.23.4
imageRepository: registry.example.com/k8s
apiServer:
  extraArgs: {feature-gates: "TTLAfterFinished=true,EphemeralContainers=true", audit-log-maxage: "7"}
controllerManager:
  extraArgs: {experimental-cluster-signing-duration: 876000h, feature-gates: "TTLAfterFinished=true", port: "0"}
scheduler:
  extraArgs: {bind-address: 0.0.0.0}
networking: {podSubnet: 100.64.0.0/10}
`;

test('feature gates and flags that the new version does not know are taken out of the configuration, or get their new name', () => {
  const fitted = parse(fitClusterConfiguration(old, 'v1.24.0') ?? '');
  assert.deepEqual(fitted.apiServer.extraArgs, { 'feature-gates': 'EphemeralContainers=true', 'audit-log-maxage': '7' });
  assert.deepEqual(fitted.controllerManager.extraArgs, { 'cluster-signing-duration': '876000h' });
  assert.deepEqual(fitted.scheduler.extraArgs, { 'bind-address': '0.0.0.0' });
  assert.deepEqual(fitted.networking, { podSubnet: '100.64.0.0/10' });
  assert.equal(fitted.kubernetesVersion, 'v1.23.4', 'the version is for kubeadm to write');
});

test('the form in which the configuration is written stays: kubeadm itself converts it', () => {
  assert.equal(parse(fitClusterConfiguration(old, 'v1.24.0') ?? '').apiVersion, 'kubeadm.k8s.io/v1beta2');
  const listed = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer:
  extraArgs:
    - {name: feature-gates, value: "CSIStorageCapacity=true"}
    - {name: v, value: "2"}
`;
  const fitted = parse(fitClusterConfiguration(listed, 'v1.32.0') ?? '');
  assert.equal(fitted.apiVersion, 'kubeadm.k8s.io/v1beta4');
  assert.deepEqual(fitted.apiServer.extraArgs, [{ name: 'v', value: '2' }]);
});

test('a configuration that fits is left alone', () => {
  assert.equal(fitClusterConfiguration(old.replace('experimental-', ''), 'v1.20.3'), undefined);
  assert.equal(
    fitComponentConfiguration(
      'KubeletConfiguration',
      'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailSwapOn: true\n',
      'v1.30.0',
    ),
    undefined,
  );
});

test("gates that are gone leave the kubelets' configuration, others stay", () => {
  const text = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
featureGates: {EphemeralContainers: true, TTLAfterFinished: true, GracefulNodeShutdown: true}
cgroupDriver: systemd
`;
  const fitted = parse(fitComponentConfiguration('KubeletConfiguration', text, 'v1.26.0') ?? '');
  assert.deepEqual(fitted.featureGates, { GracefulNodeShutdown: true });
  assert.equal(fitted.cgroupDriver, 'systemd');
  const proxy =
    'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nfeatureGates: {IPv6DualStack: true}\nmode: ipvs\n';
  assert.equal(fitComponentConfiguration('KubeProxyConfiguration', proxy, 'v1.24.0'), undefined);
  const fittedProxy = parse(fitComponentConfiguration('KubeProxyConfiguration', proxy, 'v1.25.0') ?? '');
  assert.deepEqual([fittedProxy.featureGates, fittedProxy.mode], [undefined, 'ipvs']);
  const cluster = 'apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\nfeatureGates: {IPv6DualStack: true}\nclusterName: a\n';
  const fittedCluster = parse(fitClusterConfiguration(cluster, 'v1.25.0') ?? '');
  assert.deepEqual([fittedCluster.featureGates, fittedCluster.clusterName], [undefined, 'a']);
});

test("the kubelets' configuration lies under the minor version's name up to 1.23", () => {
  assert.equal(kubeletConfigMap('v1.20.2'), 'kubelet-config-1.20');
  assert.equal(kubeletConfigMap('v1.24.0'), 'kubelet-config');
});

test('the repository of images is the one that the cluster was made with', () => {
  assert.equal(imageRepositoryOf(old), 'registry.example.com/k8s');
  assert.equal(imageRepositoryOf('kind: ClusterConfiguration\n'), undefined);
});

test("over 1.31 the cluster's own lists of arguments stay in their form, which kubeadm rewrites, and nothing of 1.30 is lost", () => {
  const of130 = `apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
kubernetesVersion: v1.30.2
apiServer: {extraArgs: {audit-log-maxage: "7"}}
controllerManager: {extraArgs: {cluster-signing-duration: 876000h}}
`;
  assert.equal(fitClusterConfiguration(of130, 'v1.31.0'), undefined);
});
