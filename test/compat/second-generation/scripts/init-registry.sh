#!/bin/bash
cd "$(dirname "$0")" && source common.sh
[[ -s ../etc/registry_htpasswd ]] || exit 1
bash ../own/init-registry.sh "$@"
