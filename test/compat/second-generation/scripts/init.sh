#!/bin/bash
cd "$(dirname "$0")" && source common.sh
set -e
bash init-shim.sh
bash ../own/init.sh
cp -f ../etc/kubelet-flags.env /var/lib/kubelet/
cp -f ../etc/10-kubeadm.conf /etc/systemd/system/kubelet.service.d/
systemctl daemon-reload
