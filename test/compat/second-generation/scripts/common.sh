# shellcheck shell=bash
# Writes down who was called with what.
journal=/var/lib/second-generation
mkdir -p "$journal"
echo "${0##*/} $*" | sed 's/ $//' >> "$journal/calls"
