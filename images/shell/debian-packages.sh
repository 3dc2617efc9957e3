# shellcheck shell=bash
# Packages of Debian 12, fetched with the machine's own apt settings (mirror, proxy) but in lists and caches of our own:
# nothing is installed and nothing under /etc/apt is written.

debian_suite=bookworm
debian_cache=$(cache_root)/kubernetes/debian-packages-$(machine_arch)

# The mirror that this machine already uses for Debian, else Debian's own address.
debian_mirror() {
  if [[ -n ${DEBIAN_MIRROR:-} ]]; then
    printf '%s\n' "${DEBIAN_MIRROR%/}"
    return
  fi
  local mirror
  # shellcheck disable=SC2016 # apt's own variables
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' 2> /dev/null |
    awk '$2 == "main" && $1 ~ /\/debian\/?$/ { print $1; exit }')
  mirror=${mirror:-http://deb.debian.org/debian}
  printf '%s\n' "${mirror%/}"
}

# private_apt DIRECTORY: prints the options that keep apt inside the directory, one a line.
private_apt_options() {
  printf '%s\n' -q -y -o "Dir::Etc::SourceList=$1/sources.list" -o 'Dir::Etc::SourceParts=-' -o "Dir::State::Lists=$1/lists" \
    -o "Dir::Cache=$1/cache" -o 'APT::Sandbox::User=root' -o 'Acquire::Languages=none' -o 'Acquire::Retries=3'
}

# Reads the package lists of Debian 12 at most once a day.
debian_lists() {
  local apt=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror options security
  [[ -f $keyring ]] || fail "Debian's archive keys are missing: apt-get install debian-archive-keyring"
  if [[ -n $(find "$apt/ready" -mmin -1440 2> /dev/null) ]]; then return; fi
  mirror=$(debian_mirror)
  security=${mirror%/debian}/debian-security
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  {
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$debian_suite" "$keyring" "$security" "$debian_suite-security"
    printf 'deb-src [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$debian_suite"
  } > "$apt/sources.list"
  mapfile -t options < <(private_apt_options "$apt")
  log "reading the package lists of Debian $debian_suite at $mirror"
  apt-get "${options[@]}" update > "$apt/update.log" 2>&1 || fail "apt-get update failed: $(tail -n 3 "$apt/update.log" | tr '\n' ' ')"
  touch "$apt/ready"
}

# debian_unpack NAME...: makes $debian_root/NAME hold the package's files, downloading what is not there yet.
debian_unpack() {
  local apt=$debian_cache/apt missing=() name temporary file options
  for name in "$@"; do [[ -d $debian_cache/root/$name ]] || missing+=("$name"); done
  ((${#missing[@]})) || return 0
  with_lock "$debian_cache/lists.lock" debian_lists "$apt"
  mapfile -t options < <(private_apt_options "$apt")
  mkdir -p "$debian_cache/root"
  temporary=$(mktemp -d "$debian_cache/.new-XXXXXX")
  log "downloading ${missing[*]}"
  if ! (cd "$temporary" && apt-get "${options[@]}" download "${missing[@]}") > "$temporary/log" 2>&1; then
    log "$(tail -n 5 "$temporary/log")"
    rm -rf "$temporary"
    fail "Debian packages could not be downloaded: ${missing[*]}"
  fi
  for file in "$temporary"/*.deb; do
    name=$(dpkg-deb --field "$file" Package)
    mkdir "$temporary/$name"
    dpkg-deb -x "$file" "$temporary/$name"
    dpkg-deb --field "$file" Version > "$temporary/$name/.version"
    mv -T "$temporary/$name" "$debian_cache/root/$name" 2> /dev/null || [[ -d $debian_cache/root/$name ]]
  done
  rm -rf "$temporary"
}

# ensure_programs PACKAGE=PROGRAM...: installs what this machine lacks to build with.
ensure_programs() {
  local pair missing=()
  for pair in "$@"; do command -v "${pair#*=}" > /dev/null || missing+=("${pair%%=*}"); done
  ((${#missing[@]})) || return 0
  [[ $(id -u) == 0 ]] || fail "root is needed to install ${missing[*]}: run as root, or install them first"
  log "installing ${missing[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}" > /dev/null ||
    fail "apt-get install ${missing[*]} failed"
}

# debian_go: puts Debian's Go on PATH, set to build static programs without reaching for the network.
debian_go() {
  debian_unpack golang-1.19-go golang-1.19-src
  with_lock "$debian_cache/go.lock" join_go
  export GOROOT=$debian_cache/go/usr/lib/go-1.19 CGO_ENABLED=0 GO111MODULE=off GOFLAGS=-trimpath GOTOOLCHAIN=local GOPROXY=off
  export GOCACHE=${debian_cache%/*}/go-cache PATH=$debian_cache/go/usr/lib/go-1.19/bin:$PATH
}

# Go finds its sources, which are a package of their own, by a link relative to itself.
join_go() {
  [[ ! -d $debian_cache/go ]] || return 0
  local joined
  joined=$(mktemp -d "$debian_cache/.new-XXXXXX")
  cp -a "$debian_cache/root/golang-1.19-go/." "$debian_cache/root/golang-1.19-src/." "$joined/"
  mv -T "$joined" "$debian_cache/go"
}
