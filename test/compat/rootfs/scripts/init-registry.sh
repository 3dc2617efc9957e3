#!/bin/bash
# init-registry.sh REGISTRY_DATA REGISTRY_CONFIG
source record.sh
record "$@"
[[ -f ../etc/registry_htpasswd ]] || { echo 'etc/registry_htpasswd is not there' >&2; exit 1; }
readlink "$1" > "$journal/registry-data"
bash install-registry.sh "$@"
