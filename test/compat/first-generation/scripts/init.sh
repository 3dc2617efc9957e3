#!/bin/bash
# init.sh CRI_DATA REGISTRY_DOMAIN REGISTRY_PORT REGISTRY_USERNAME REGISTRY_PASSWORD
source common.sh
set -e
bash init-containerd.sh "$1" "$4" "$5"
bash init-shim.sh
bash init-kube.sh
