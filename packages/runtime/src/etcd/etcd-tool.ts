import { type Raw, type Script, script } from '../host/script.ts';

/**
 * Bash that defines `etcd_tool PROGRAM ARGUMENT…`, which runs etcdctl or etcdutl on a host. They are on no host, but in every image of
 * etcd (upstream and ours), which is there where etcd runs: containerd runs it from there, seeing `directory` (read-write) and etcd's
 * certificates (read-only) under their own paths, and the host's network. Where containerd has no such image (another runtime), a program
 * of that name on the host itself serves. `name` is the container's: one that outlived its caller is cleared away by the next.
 */
export function etcdTool(name: string, image: string | Raw, directory: string): Script {
  return script`export ETCDCTL_API=3
etcd_container=${name} etcd_image=${image} etcd_directory=${directory} etcd_certificates=/etc/kubernetes/pki/etcd
etcd_tool() {
  if command -v ctr >/dev/null && ctr -n k8s.io images ls -q 2>/dev/null | grep -xF -- "$etcd_image" >/dev/null; then
    ctr -n k8s.io tasks kill -s KILL "$etcd_container" >/dev/null 2>&1 && sleep 1 || true
    ctr -n k8s.io tasks rm -f "$etcd_container" >/dev/null 2>&1 || true
    ctr -n k8s.io containers rm "$etcd_container" >/dev/null 2>&1 || true
    ctr -n k8s.io run --rm --net-host --env ETCDCTL_API=3 \\
      --mount "type=bind,src=$etcd_directory,dst=$etcd_directory,options=rbind:rw" \\
      --mount "type=bind,src=$etcd_certificates,dst=$etcd_certificates,options=rbind:ro" \\
      "$etcd_image" "$etcd_container" "$@" </dev/null
  elif command -v "$1" >/dev/null; then
    "$@" </dev/null
  else
    echo "neither containerd's image $etcd_image nor this host has $1" >&2
    return 127
  fi
}`;
}
