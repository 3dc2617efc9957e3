#!/bin/bash
# check.sh REGISTRY_DATA: like the published ones it edits a rendered file where it lies, and that edit must reach the container runtime.
source record.sh
record "$@"
[[ ! -e $1 ]] || { echo "$1 is there already" >&2; exit 1; }
[[ -f ../etc/registry.yml ]] || { echo 'the templates are not rendered yet' >&2; exit 1; }
echo '# edited by check.sh' >> ../etc/config.toml
