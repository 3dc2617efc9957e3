#!/usr/bin/env bash
# Gathers Calico's manifest and the list of its container images.
# Usage: sources.sh VERSION WORKDIR     VERSION: v3.22.1, or any newer release
# CALICO_URL and GITHUB_URL name mirrors of raw.githubusercontent.com and github.com.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../shell/base.sh
source "$here/../shell/base.sh"
[[ $# -eq 2 ]] || fail 'usage: sources.sh VERSION WORKDIR' 2
version=$1 into=$2
[[ $version =~ ^v3\.([0-9]+)\.[0-9]+$ ]] || fail "'$version' is not a release of Calico: write v3.MINOR.PATCH" 2
minor=${BASH_REMATCH[1]}

mkdir -p "$into/manifests" "$into/images/shim"
manifest=$into/manifests/calico.yaml
if ((minor >= 24)); then
  # The repository holds the manifest of each release.
  url=${CALICO_URL:-https://raw.githubusercontent.com}/projectcalico/calico/$version/manifests/calico.yaml
  curl --fail --silent --show-error --location --retry 3 --connect-timeout 10 --output "$manifest" "$url" || fail "$url cannot be downloaded"
else
  # Before, only the archive of the release has it, among all the images (about 1 GB).
  url=${GITHUB_URL:-https://github.com}/projectcalico/calico/releases/download/$version/release-$version.tgz
  log "downloading $url"
  curl --fail --silent --show-error --location --retry 3 --connect-timeout 10 "$url" |
    tar -xz --to-stdout --wildcards '*manifests/calico.yaml' > "$manifest" || fail "$url has no manifest calico.yaml, or cannot be downloaded"
fi
grep -q '^kind: DaemonSet' "$manifest" || fail "$url is not Calico's manifest"

# Everything that is started is named in the manifest.
sed -n "s/^ *\(- \)\{0,1\}image: *[\"']\{0,1\}\([^\"' ]*\).*/\2/p" "$manifest" | sort -u > "$into/images/shim/CalicoImageList"
[[ -s $into/images/shim/CalicoImageList ]] || fail "$url names no image"
if grep -v ":$version\$" "$into/images/shim/CalicoImageList" | grep '/calico/'; then fail "$url is of another version than $version"; fi
