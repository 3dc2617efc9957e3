cat /var/lib/sealos/data/default/rootfs/etc/registry.yml > /var/lib/compat/coredns
grep 'sealos.hub' /etc/hosts >> /var/lib/compat/coredns
ls /var/lib/sealos/data/default/applications/coredns-1/workdir >> /var/lib/compat/coredns
echo "zone $zone"  >> /var/lib/compat/coredns
