#!/bin/bash
source common.sh
set -e
mkdir -p /etc/containerd/certs.d/{sealos.hub:5000,_default} /opt/containerd/lib
cp -f ../cri/{containerd,containerd-shim-runc-v2,ctr,runc} /usr/bin/
cp -f ../cri/lib/* /opt/containerd/lib/
echo /opt/containerd/lib > /etc/ld.so.conf.d/containerd.conf
ldconfig
# The last two differ between servers that are machines and those of a lab.
sed -i -e "s#__data__#$1#; s#__pause__#$pause#; s#__username__#$2#; s#__password__#$3#" \
  -e "s/__systemd__/$([[ $SEALOS_SYS_CGROUP_DRIVER == cgroupfs ]] && echo false || echo true)/" \
  -e "s/__restrict__/${SEALOS_SYS_RESTRICT_OOM_SCORE_ADJ:-false}/" ../etc/config.toml
cp -f ../etc/config.toml /etc/containerd/config.toml
cp -f ../etc/hosts.toml /etc/containerd/certs.d/sealos.hub:5000/
cp -f ../etc/hosts.toml /etc/containerd/certs.d/_default/
cp -f ../etc/containerd.service /etc/systemd/system/
systemctl daemon-reload
systemctl enable --quiet containerd
systemctl restart containerd
