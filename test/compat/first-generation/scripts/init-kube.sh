#!/bin/bash
source common.sh
set -e
bash ../own/host-before.sh record
mkdir -p /opt/cni/bin /var/lib/kubelet /etc/systemd/system/kubelet.service.d
cat ../etc/sysctl.d/*.conf > /etc/sysctl.d/99-sealos-k8s.conf
bash ../own/kubelet-pre-start.sh
cp -f ../bin/* /usr/bin/
cp -f ../cni/* /opt/cni/bin/
sed -i "s#__pause__#$pause#; s#__options__#--runtime-request-timeout=15m#" ../etc/kubelet-flags.env
cp -f ../etc/kubelet-flags.env /var/lib/kubelet/
cp -f ../etc/kubelet.service /etc/systemd/system/
cp -f ../etc/10-kubeadm.conf /etc/systemd/system/kubelet.service.d/
printf 'runtime-endpoint: unix:///run/containerd/containerd.sock\n' > /etc/crictl.yaml
systemctl daemon-reload
systemctl enable --quiet kubelet
