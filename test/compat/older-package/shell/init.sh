#!/bin/bash
# In the manner of the packages of sealos 3: no `set -e`, everything by relative paths from shell/.
echo "init in $PWD" >> /var/log/older-package.log
if which firewalld > /dev/null 2>&1; then systemctl stop firewalld && systemctl disable firewalld; fi
swapoff -a > /dev/null 2>&1
cat > /etc/sysctl.d/k8s.conf << CONF
net.bridge.bridge-nf-call-ip6tables = 1
net.bridge.bridge-nf-call-iptables = 1
net.ipv4.conf.all.rp_filter = 0
net.ipv4.ip_forward = 1
CONF
sysctl --system > /dev/null 2>&1
chmod a+x ../bin/*
cp -f ../bin/* /usr/bin
mkdir -p /opt/cni/bin && cp -f ../cni/* /opt/cni/bin
mkdir -p /etc/systemd/system/kubelet.service.d
cp -f ../conf/kubelet.service /etc/systemd/system/
cp -f ../conf/10-kubeadm.conf /etc/systemd/system/kubelet.service.d/
[ -d /var/lib/kubelet ] || mkdir -p /var/lib/kubelet
systemctl daemon-reload
systemctl enable kubelet > /dev/null 2>&1
for archive in ../images/*.tar; do ctr -n k8s.io images import "$archive" > /dev/null || exit 1; done
