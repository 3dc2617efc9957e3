sealos scp -r master ../manifests/more/vip.yaml /var/lib/compat/vip.yaml
sealos exec 'hostname > /var/lib/compat/everywhere'
sealos exec -r master 'hostname > /var/lib/compat/masters'
