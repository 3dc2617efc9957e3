// What stands between a cluster image's scripts (check, init-registry, init, clean) and those of an offline package (shell/*.sh).

const HEAD = `#!/bin/bash
set -euo pipefail
cd "$(dirname "\${BASH_SOURCE[0]}")"
BIN_DIR=\${BIN_DIR:-/usr/bin}
`;

export interface PackageShell {
  /** Script of the package that installs the container runtime, where its init.sh does not call it; a name in `shell/`. */
  readonly runtimeScript: string | undefined;
  /** Whether its master.sh is to run on control planes, which those that call kubeadm themselves are not. */
  readonly runsMaster: boolean;
  /** Whether it has a clean.sh. */
  readonly hasClean: boolean;
}

const check = `${HEAD}[[ $(id -u) == 0 ]] || { echo 'the package is installed by root alone' >&2; exit 1; }
for tool in tar systemctl; do
  command -v "$tool" >/dev/null || { echo "this host has no $tool, which the package's scripts need" >&2; exit 1; }
done
`;

const initRegistry = `${HEAD}data=\${1:?directory of the data} config=\${2:?directory of the configuration}
mkdir -p "$data" "$config"
install -m 0755 ../cri/registry "$BIN_DIR/registry.new"
mv -f "$BIN_DIR/registry.new" "$BIN_DIR/registry"
install -m 0644 ../etc/registry_config.yml "$config/registry_config.yml"
if [[ -f ../etc/registry_htpasswd ]]; then install -m 0600 ../etc/registry_htpasswd "$config/registry_htpasswd"; fi
install -m 0644 ../etc/registry.service /etc/systemd/system/registry.service
systemctl daemon-reload
systemctl enable registry.service
systemctl restart registry.service
`;

const cleanRegistry = `${HEAD}config=\${2:?directory of the configuration}
systemctl disable --now registry.service 2>/dev/null || true
rm -f /etc/systemd/system/registry.service "$BIN_DIR/registry"
rm -rf "$config"
systemctl daemon-reload
`;

const kubelet = `# What init.sh of the oldest packages leaves to others.
if [[ ! -e /etc/systemd/system/kubelet.service && -f ../conf/kubelet.service ]]; then
  install -m 0644 ../conf/kubelet.service /etc/systemd/system/kubelet.service
fi
drop_in=/etc/systemd/system/kubelet.service.d/10-kubeadm.conf
if [[ ! -e $drop_in && -f ../conf/10-kubeadm.conf ]]; then
  mkdir -p "\${drop_in%/*}"
  install -m 0644 ../conf/10-kubeadm.conf "$drop_in"
fi
for program in ../bin/kube*; do
  [[ -f $program && ! -e $BIN_DIR/\${program##*/} ]] && install -m 0755 "$program" "$BIN_DIR/"
done
systemctl daemon-reload
systemctl enable kubelet.service
`;

/** Places where packages put a container runtime; those that were not there before its scripts ran go when the host is cleaned. */
const RUNTIME_FILES = [
  ...['/usr/bin', '/usr/local/bin'].flatMap((directory) =>
    [
      ...[
        'containerd',
        'containerd-shim',
        'containerd-shim-runc-v1',
        'containerd-shim-runc-v2',
        'containerd-stress',
        'ctr',
        'runc',
        'crun',
      ],
      ...['docker', 'dockerd', 'docker-init', 'docker-proxy', 'docker-containerd', 'docker-containerd-shim', 'docker-runc'],
    ].map((name) => `${directory}/${name}`),
  ),
  ...['containerd.service', 'docker.service', 'docker.socket'].map((name) => `/etc/systemd/system/${name}`),
  ...['/etc/containerd', '/opt/containerd', '/etc/ld.so.conf.d/containerd.conf', '/var/lib/containerd', '/etc/docker', '/var/lib/docker'],
];

const runtimeFiles = `runtime_files() { ls -d ${RUNTIME_FILES.join(' ')} 2> /dev/null | sort; }
`;

const rememberRuntime = `# Once: what is here before the package's scripts ran stays when this host is cleaned.
${runtimeFiles}if [[ ! -e ../.runtime-before ]]; then
  runtime_files > ../.runtime-before.new || true
  mv -f ../.runtime-before.new ../.runtime-before
fi
`;

const cleanRuntime = `${runtimeFiles}brought=$([[ ! -e ../.runtime-before ]] || comm -13 ../.runtime-before <(runtime_files))
is_brought() { grep -qxF -- "$1" <<< "$brought"; }
if grep -Eq '^/usr(/local)?/bin/(containerd|dockerd)$' <<< "$brought"; then
  # Pods first, by the runtime itself while it runs: their processes, mounts and networks.
  crictl() { timeout 30 "$BIN_DIR/crictl" --runtime-endpoint "unix://\${SEALOS_SYS_CRI_ENDPOINT#unix://}" "$@" 2> /dev/null; }
  for pod in $(crictl pods -q || true); do crictl stopp "$pod" > /dev/null || true; crictl rmp -f "$pod" > /dev/null || true; done
  for unit in docker.socket docker.service containerd.service; do
    if is_brought "/etc/systemd/system/$unit"; then systemctl disable --now "$unit" 2> /dev/null || true; fi
  done
  for file in /run/containerd/io.containerd.runtime.v2.task/*/*/init.pid; do
    if [[ -r $file ]]; then kill -KILL "$(< "$file")" 2> /dev/null || true; fi
  done
  for process in /proc/[0-9]*; do
    program=$(readlink "$process/exe" 2> /dev/null) || continue
    if is_brought "\${program% (deleted)}"; then kill -KILL "\${process#/proc/}" 2> /dev/null || true; fi
  done
  awk '$5 ~ "^(/run/containerd|/var/lib/containerd|/var/lib/docker)/" { print $5 }' /proc/self/mountinfo | sort -r |
    while read -r mount; do umount -l "$mount" || true; done
  while read -r path; do rm -rf --one-file-system "$path"; done <<< "$brought"
  rm -rf --one-file-system /run/containerd
  ldconfig
fi
`;

function init({ runtimeScript, runsMaster }: PackageShell): string {
  // The scripts are of an age in which none of them expected 'set -e' or another directory than their own.
  const own = (name: string) => `( cd ../shell && bash ${name} )\n`;
  const master = `if [[ ,\${SEALOS_SYS_RUN_MODE:-}, == *,master,* ]]; then ${own('master.sh').trim()}; fi\n`;
  const runtime = runtimeScript === undefined ? '' : own(runtimeScript);
  return `${HEAD}${rememberRuntime}${runtime}${own('init.sh')}${runsMaster ? master : ''}${kubelet}`;
}

function clean({ hasClean }: PackageShell): string {
  return `${HEAD}systemctl disable --now kubelet.service 2>/dev/null || true
${hasClean ? '( cd ../shell && bash clean.sh ) || true\n' : ''}${cleanRuntime}rm -rf /etc/systemd/system/kubelet.service.d /var/lib/kubelet
rm -f /etc/systemd/system/kubelet.service
for program in ../bin/*; do
  installed=$BIN_DIR/\${program##*/}
  if cmp -s "$program" "$installed"; then rm -f "$installed"; fi
done
systemctl daemon-reload
`;
}

/** The `scripts/` of a cluster image that is made of a package, by file name. */
export function packageScripts(shell: PackageShell): ReadonlyMap<string, string> {
  return new Map([
    ['check.sh', check],
    ['init-registry.sh', initRegistry],
    ['clean-registry.sh', cleanRegistry],
    ['init.sh', init(shell)],
    ['clean.sh', clean(shell)],
  ]);
}

/** Files of `etc/` for the cluster's registry; rendered on the hosts. */
export const registryFiles: ReadonlyMap<string, string> = new Map([
  [
    'registry.yml.tmpl',
    `domain: "{{ .registryDomain }}"
port: "{{ .registryPort }}"
username: "{{ .registryUsername }}"
password: "{{ .registryPassword }}"
data: "{{ .registryData }}"
`,
  ],
  [
    'registry_config.yml.tmpl',
    `version: 0.1
storage:
  delete:
    enabled: true
  filesystem:
    rootdirectory: {{ .registryData }}
http:
  addr: :{{ .registryPort }}
{{- if .registryPassword }}
auth:
  htpasswd:
    realm: Registry Realm
    path: {{ .registryConfig }}/registry_htpasswd
{{- end }}
`,
  ],
  [
    'registry.service.tmpl',
    `[Unit]
Description=The cluster's container registry
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={{ default "/usr/bin" .BIN_DIR }}/registry serve {{ .registryConfig }}/registry_config.yml
Restart=always
RestartSec=2

[Install]
WantedBy=multi-user.target
`,
  ],
]);
