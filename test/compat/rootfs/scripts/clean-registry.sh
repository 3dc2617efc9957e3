#!/bin/bash
# clean-registry.sh REGISTRY_DATA REGISTRY_CONFIG
source record.sh
record "$@"
bash remove-registry.sh "$@"
