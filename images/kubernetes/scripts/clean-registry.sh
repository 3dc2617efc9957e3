#!/bin/bash
# Removes the registry. Its data is a link to the image's own registry, which goes with the image. clean-registry.sh REGISTRY_DATA REGISTRY_CONFIG
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./common.sh
data=${1:?the directory of the registry\'s data} config=${2:?the directory of the registry\'s configuration}

remove_unit registry.service
rm -f "$BIN_DIR/registry"
if [[ -L $data ]]; then rm -f "$data"; elif [[ -d $data ]]; then remove_data "$data"; fi
if [[ -d $config ]]; then remove_data "$config"; fi
info 'the registry is removed from this host'
