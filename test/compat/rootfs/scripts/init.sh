#!/bin/bash
# The shim, then what kubeadm needs; called without `bash`, as a program that lost its mode would be noticed.
source record.sh
record "$@"
./init-shim.sh || exit 1
bash init-kube.sh || exit 1
