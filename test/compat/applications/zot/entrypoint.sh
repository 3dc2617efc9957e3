set -e
for chart in ../../*/workdir/charts/*; do printf '%s %s %s\n' "$chart" "$1" "$2"; done > /var/lib/compat/zot
cat order >> /var/lib/compat/zot
