import { isIPv6 } from 'node:net';
import type { Address, HostFile } from '../host/host.ts';
import type { Pki } from './pki.ts';

/** Kubeconfigs of the programs that run beside an API server and speak with that one alone. */
const LOCAL_KUBECONFIGS = ['/etc/kubernetes/controller-manager.conf', '/etc/kubernetes/scheduler.conf'];

/**
 * A kubeconfig as it lies on one control plane. The controller manager and the scheduler ask the API server beside them, by its address
 * (kubeadm does so too): their pods copied `/etc/hosts` when they started, and the API's name led elsewhere then.
 */
export function localKubeconfig(file: HostFile, { ip }: Address, apiPort: number): HostFile {
  if (!LOCAL_KUBECONFIGS.includes(file.path)) return file;
  const server = `https://${isIPv6(ip) ? `[${ip}]` : ip}:${apiPort}`;
  return { ...file, content: String(file.content).replace(/^(\s*server: ).*$/m, `$1${server}`) };
}

/**
 * What lies ready on a control plane before kubeadm starts there. One that joins (`seat` is the one that lets it in) gets its kubelet's
 * kubeconfig by joining, and refuses to find one.
 */
export function filesBeforeKubeadm(
  pki: Pki | undefined,
  { master, seat, apiPort }: { readonly master: Address; readonly seat: Address; readonly apiPort: number },
): readonly HostFile[] {
  const files = (pki?.files.get(master.ip) ?? []).map((file) => localKubeconfig(file, master, apiPort));
  return master.ip === seat.ip ? files : files.filter(({ path }) => path !== '/etc/kubernetes/kubelet.conf');
}
