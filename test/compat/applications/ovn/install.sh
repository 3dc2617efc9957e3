echo "$IFACE|$POD_CIDR|$*|$#" > /var/lib/compat/ovn
