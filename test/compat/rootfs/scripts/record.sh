# shellcheck shell=bash
# Sourced first by the scripts: writes down how each was called, for the tests.
journal=/var/lib/compat
mkdir -p "$journal"
record() {
  printf '%s|%s|%s\n' "${0##*/}" "$PWD" "$*" >> "$journal/calls"
  env -0 | sort -z | tr '\0' '\n' > "$journal/${0##*/}.env"
}
