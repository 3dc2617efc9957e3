#!/bin/bash
cd "$(dirname "$0")" && source common.sh
systemctl disable --now image-cri-shim
rm -f /etc/systemd/system/image-cri-shim.service /usr/bin/image-cri-shim /etc/image-cri-shim.yaml /var/run/image-cri-shim.sock
bash ../own/clean.sh
