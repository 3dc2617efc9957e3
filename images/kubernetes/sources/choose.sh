#!/usr/bin/env bash
# Prints which source can be used here: `upstream` where Kubernetes' releases can be downloaded, else `debian`.
set -euo pipefail
url=${KUBERNETES_URL:-https://dl.k8s.io}/release/stable.txt
if command -v curl > /dev/null && [[ $(curl --fail --silent --location --connect-timeout 3 --max-time 6 "$url" 2> /dev/null) == v1.* ]]; then
  echo upstream
else
  echo debian
fi
