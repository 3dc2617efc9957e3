#!/bin/bash
# init-cri.sh REGISTRY_DOMAIN REGISTRY_PORT
source record.sh
record "$@"
bash init-containerd.sh "$@" || exit 1
