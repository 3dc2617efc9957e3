import { type Script, script } from '../host/script.ts';

/** Succeeds when something listens on the port of this very host. */
export function registryListens(port: number): Script {
  return script`timeout 2 bash -c ${`exec 3<>/dev/tcp/127.0.0.1/${port}`} 2>/dev/null`;
}

/**
 * Waits half a minute for the registry's port to answer; else fails with the last that its service said, under the name that images give
 * it (cluster-image-layout.md §1).
 */
export function awaitRegistry(port: number): Script {
  return script`for i in $(seq 1 120); do if ${registryListens(port)}; then exit 0; fi; sleep 0.25; done
exec >&2
echo ${`nothing answers on port ${port}`}
ss -Htanp "sport = :"${String(port)} 2>/dev/null | sed 's/^/the port is held by a connection: /'
if systemctl cat registry.service >/dev/null 2>&1; then
  echo "registry.service is $(systemctl is-active registry.service), and said last:"
  journalctl --no-pager --lines=15 --output=cat --unit=registry.service 2>/dev/null
fi
exit 1`;
}
