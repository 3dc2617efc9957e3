#!/bin/bash
# Prepares the host for kubeadm: kernel settings, programs, kubelet's unit (enabled; kubeadm starts it).
# Reads registryDomain, registryPort and sandboxImage from the environment.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./common.sh

bash ./host-before.sh record

# A firewall of the host's own would drop what goes between pods.
for firewall in firewalld ufw; do
  if systemctl is-active --quiet "$firewall" 2> /dev/null; then
    mkdir -p "$state"
    touch "$state/$firewall"
    warn "$firewall is turned off: it would drop the traffic between pods"
    systemctl disable --now --quiet "$firewall" || die "$firewall cannot be turned off"
  fi
done
if command -v getenforce > /dev/null && [[ $(getenforce) == Enforcing ]]; then
  warn 'SELinux is set to permissive'
  setenforce 0 || warn 'SELinux cannot be set to permissive'
  if grep -qs '^SELINUX=enforcing' /etc/selinux/config; then
    mkdir -p "$state"
    touch "$state/selinux"
    sed -i 's/^SELINUX=enforcing/SELINUX=permissive/' /etc/selinux/config
  fi
fi

grep -Eqs '^127\.0\.0\.1[[:space:]].*\blocalhost\b' /etc/hosts || echo '127.0.0.1 localhost # sealos' >> /etc/hosts
grep -Eqs '^::1[[:space:]].*\blocalhost\b' /etc/hosts || echo '::1 localhost # sealos' >> /etc/hosts

put 0644 ../etc/sysctl.d/sealos-k8s.conf /etc/sysctl.d/99-sealos-k8s.conf
put 0644 ../etc/limits.d/sealos-k8s.conf /etc/security/limits.d/sealos-k8s.conf
put 0755 kubelet-pre-start.sh "$BIN_DIR/kubelet-pre-start.sh"
"$BIN_DIR/kubelet-pre-start.sh"
[[ $(cat /proc/sys/net/ipv4/ip_forward) == 1 ]] || die 'IP forwarding is off and cannot be turned on'

for program in ../bin/*; do put 0755 "$program" "$BIN_DIR/${program##*/}"; done
for plugin in ../cni/*; do put 0755 "$plugin" "/opt/cni/bin/${plugin##*/}"; done

# The first pull proves that this host finds the registry, may log in, and has a runtime that answers.
image=${registryDomain:?}:${registryPort:?}/${sandboxImage:?}
"$BIN_DIR/crictl" pull "$image" > /dev/null || die "$image cannot be pulled from the cluster's registry"

put 0644 ../etc/kubelet.service "$units/kubelet.service"
put 0644 ../etc/systemd/system/kubelet.service.d/10-kubeadm.conf "$units/kubelet.service.d/10-kubeadm.conf"
mkdir -p /var/lib/kubelet /etc/kubernetes/manifests
systemctl daemon-reload
systemctl enable --quiet kubelet.service
info 'the host is ready for kubeadm'
