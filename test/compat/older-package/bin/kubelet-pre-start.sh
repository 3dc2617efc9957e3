#!/bin/bash
# Called before each start of the kubelet.
modprobe -a ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh br_netfilter nf_conntrack > /dev/null 2>&1
sysctl --system > /dev/null 2>&1
swapoff -a > /dev/null 2>&1
exit 0
