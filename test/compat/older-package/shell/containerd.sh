#!/bin/bash
# Unpacks containerd where there is none, and starts it.
echo "containerd in $PWD" >> /var/log/older-package.log
if ! command -v containerd > /dev/null; then
  tar --strip-components=1 -zxf ../containerd/containerd.tgz -C /usr/bin
fi
mkdir -p /etc/containerd /opt/containerd/lib
cp -f ../containerd/lib/* /opt/containerd/lib/
echo /opt/containerd/lib > /etc/ld.so.conf.d/containerd.conf
ldconfig
# These two lines differ between servers that are machines and those of a lab.
sed -e "s/__systemd__/$([ "$SEALOS_SYS_CGROUP_DRIVER" = cgroupfs ] && echo false || echo true)/" \
  -e "s/__restrict__/${SEALOS_SYS_RESTRICT_OOM_SCORE_ADJ:-false}/" ../conf/config.toml > /etc/containerd/config.toml
cp -f ../conf/containerd.service /etc/systemd/system/
cat > /etc/crictl.yaml << CONF
runtime-endpoint: unix:///run/containerd/containerd.sock
CONF
systemctl daemon-reload
systemctl enable containerd > /dev/null 2>&1
systemctl restart containerd
