// A rootfs of k3s in the manner of the published ones (labels, init-cri, a unit that is rendered for each role, `etc/k3s.yml`), with a fake
// of k3s in it, and an application.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../../../packages/image/src/index.ts';
import { directory, file, makeImage } from '../images.ts';

const script = (name: string, text: string) => file(`scripts/${name}.sh`, `#!/bin/bash\nset -e\n${text}\n`, { mode: 0o755 });

const UNIT = `[Unit]
Description=Lightweight Kubernetes
[Service]
Type=notify
NotifyAccess=all
KillMode=process
TimeoutStartSec=0
Restart=always
ExecStart=/usr/bin/k3s {{ if contains "master" .SEALOS_SYS_RUN_MODE }}server{{ else }}agent{{ end }}
[Install]
WantedBy=multi-user.target
`;

const REGISTRY = `[Unit]
Description=Not a registry: a port that answers
[Service]
ExecStart=/usr/bin/socat TCP-LISTEN:5000,fork,reuseaddr /dev/null
`;

export const K3S_IMAGE = 'localhost/k3s:v1.28.1';
export const K3S_APPLICATION = 'localhost/application:1';

const rootfs = {
  'apps.sealos.io/type': 'rootfs',
  'apps.sealos.io/version': 'v1beta1',
  'apps.sealos.io/distribution': 'k3s',
  check: 'check.sh $registryData',
  init: 'init.sh',
  clean: 'clean.sh',
  'init-registry': 'init-registry.sh',
  'clean-registry': 'clean-registry.sh',
  'init-cri': 'init-cri.sh',
  'clean-cri': 'clean-cri.sh',
  vip: '$defaultVIP',
};

/** Puts the images into a store, and a rootfs of the next version. */
export async function makeK3sImages(store: Store): Promise<void> {
  const fake = readFileSync(join(import.meta.dirname, 'fake-k3s'), 'utf8');
  const layer = [
    directory('bin'),
    file('bin/k3s', fake, { mode: 0o755 }),
    directory('etc'),
    file('etc/k3s.service.tmpl', UNIT),
    file('etc/zz-k3s-sealos.yaml.tmpl', 'pause-image: {{ .registryDomain }}:{{ .registryPort }}/{{ .sandboxImage }}\n'),
    file('etc/registry.service', REGISTRY),
    file('etc/k3s.yml', 'flannel-backend: host-gw\nnode-label:\n- sealos.io/distribution=k3s\n- of=image\n'),
    directory('scripts'),
    script('check', '! systemctl is-active --quiet k3s'),
    script('init-cri', 'echo k3s has its own > /run/fake-init-cri'),
    script('clean-cri', 'rm -f /run/fake-init-cri'),
    script(
      'init-registry',
      'cp ../etc/registry.service /etc/systemd/system/\nsystemctl daemon-reload\nsystemctl enable --now --quiet registry || systemctl start registry',
    ),
    script('clean-registry', 'systemctl stop registry\nrm -f /etc/systemd/system/registry.service\nsystemctl daemon-reload'),
    script(
      'init',
      `install -m 0755 ../bin/k3s /usr/bin/k3s
ln -sf k3s /usr/bin/kubectl
install -D -m 0644 ../etc/zz-k3s-sealos.yaml /etc/rancher/k3s/config.yaml.d/zz-k3s-sealos.yaml
install -m 0644 ../etc/k3s.service /etc/systemd/system/k3s.service
systemctl daemon-reload`,
    ),
    script('clean', 'rm -f /usr/bin/k3s /usr/bin/kubectl /etc/systemd/system/k3s.service /var/log/fake-k3s.log\nsystemctl daemon-reload'),
  ];
  const Env = [
    ...['registryData=/var/lib/registry', 'registryDomain=sealos.hub', 'registryPort=5000', 'registryPassword=passw0rd'],
    ...['sandboxImage=pause:3.9', 'defaultVIP=10.103.97.2', 'SEALOS_SYS_RUN_MODE=master'],
    'SEALOS_SYS_CRI_ENDPOINT=/run/k3s/containerd/containerd.sock',
  ];
  for (const version of ['v1.28.1', 'v1.28.2'])
    await makeImage(store, { name: `localhost/k3s:${version}`, config: { Labels: { ...rootfs, version }, Env }, layers: [layer] });
  await makeImage(store, {
    name: K3S_APPLICATION,
    config: { Cmd: ['kubectl --kubeconfig ~/.kube/config get nodes > nodes'] },
    layers: [[file('application', 'files')]],
  });
}
