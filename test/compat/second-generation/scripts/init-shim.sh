#!/bin/bash
cd "$(dirname "$0")" && source common.sh
set -e
cp -f ../cri/image-cri-shim /usr/bin/
cp -f ../etc/image-cri-shim.yaml /etc/
cp -f ../etc/image-cri-shim.service /etc/systemd/system/
systemctl daemon-reload
systemctl enable --quiet --now image-cri-shim
