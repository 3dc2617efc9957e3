# shellcheck shell=bash
# Found only by who is in this directory, and writes down who was called with what.
journal=/var/lib/first-generation
mkdir -p "$journal"
echo "${0##*/} $*" | sed 's/ $//' >> "$journal/calls"
pause=$(sed -n 's,^[^/]*/\(pause:.*\)$,\1,p' ../images/shim/DefaultImageList)
