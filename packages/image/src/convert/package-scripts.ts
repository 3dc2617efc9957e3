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

function init({ runtimeScript, runsMaster }: PackageShell): string {
  // The scripts are of an age in which none of them expected 'set -e' or another directory than their own.
  const own = (name: string) => `( cd ../shell && bash ${name} )\n`;
  const master = `if [[ ,\${SEALOS_SYS_RUN_MODE:-}, == *,master,* ]]; then ${own('master.sh').trim()}; fi\n`;
  return `${HEAD}${runtimeScript === undefined ? '' : own(runtimeScript)}${own('init.sh')}${runsMaster ? master : ''}${kubelet}`;
}

function clean({ hasClean }: PackageShell): string {
  return `${HEAD}systemctl disable --now kubelet.service 2>/dev/null || true
${hasClean ? '( cd ../shell && bash clean.sh ) || true\n' : ''}rm -rf /etc/systemd/system/kubelet.service.d /var/lib/kubelet
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
