#!/bin/bash
# init-registry.sh REGISTRY_PORT REGISTRY_DATA REGISTRY_CONFIG: in a container, by ctr in the place of nerdctl.
source common.sh
set -e
mkdir -p "$3"
cp -f ../etc/registry_config.yml "$3/config.yml"
cp -f ../etc/registry_htpasswd "$3/"
ctr images import ../images/registry.tar
ctr run -d --net-host --mount "type=bind,src=$2,dst=/var/lib/registry,options=rbind:rw" \
  --mount "type=bind,src=$3,dst=/etc/docker/registry,options=rbind:ro" docker.io/library/registry:2.7.1 sealos-registry \
  /bin/registry serve /etc/docker/registry/config.yml
