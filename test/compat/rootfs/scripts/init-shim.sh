#!/bin/bash
# Starts the program that stands between kubelet and the container runtime, and pulls through it.
source record.sh
record "$@"
set -e
../opt/sealctl cri socket
cp ../cri/image-cri-shim /usr/bin/image-cri-shim
cp ../etc/image-cri-shim.yaml /etc/image-cri-shim.yaml
cp ../etc/image-cri-shim.service /etc/systemd/system/image-cri-shim.service
systemctl daemon-reload
systemctl enable --quiet image-cri-shim.service
systemctl restart image-cri-shim.service
for ((tries = 0; tries < 300; tries++)); do
  [[ ! -S $SEALOS_SYS_IMAGE_ENDPOINT ]] || break
  sleep 0.1
done
image=$registryDomain:$registryPort/$sandboxImage
../bin/crictl -r "unix://$SEALOS_SYS_IMAGE_ENDPOINT" pull "$image" > "$journal/pulled"
echo "$image" >> "$journal/pulled"
