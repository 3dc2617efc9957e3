import { type Script, script } from '../host/script.ts';

/** etcd, the control plane's parts, kubelet and kube-proxy (Kubernetes: "Ports and Protocols"). */
const KUBERNETES = ['2379-2381', '6443', '10248-10259'];

/**
 * Keeps the kernel from giving a cluster's ports to connections, beside what is kept already: published images let connections begin on any
 * port from 1024 on, and a registry that moves to a host, or a component that starts again, found its port taken. Lasts until the host
 * starts again. A host whose kernel lets nobody set that is left alone.
 */
export function reservePorts(registryPort: number): Script {
  const ports = [...KUBERNETES, String(registryPort)].join(',');
  return script`file=/proc/sys/net/ipv4/ip_local_reserved_ports
[ ! -w "$file" ] || { have=$(cat "$file"); echo "\${have:+$have,}"${ports} > "$file"; } 2>/dev/null || true`;
}
