#!/bin/bash
# Starts the cluster's registry. init-registry.sh REGISTRY_DATA REGISTRY_CONFIG
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./common.sh
data=${1:?the directory of the registry\'s data} config=${2:?the directory of the registry\'s configuration}

mkdir -p "$data" "$config"
put 0755 ../cri/registry "$BIN_DIR/registry"
put 0644 ../etc/registry_config.yml "$config/registry_config.yml"
if [[ -f ../etc/registry_htpasswd ]]; then
  put 0600 ../etc/registry_htpasswd "$config/registry_htpasswd"
elif grep -q '^auth:' ../etc/registry_config.yml; then
  die 'the registry asks for a login, and etc/registry_htpasswd with the logins is not there'
fi
put 0644 ../etc/registry.service "$units/registry.service"
start_unit registry.service
info 'the registry runs'
