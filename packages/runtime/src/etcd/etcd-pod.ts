import { badInput } from '@sealos/image';
import * as v from 'valibot';
import { parse } from 'yaml';
import type { Host } from '../host/host.ts';

/** Where the kubelet looks for static pods. */
export const STATIC_PODS = '/etc/kubernetes/manifests';
/** Where a restore keeps what it takes away from there, and says what it is at. */
export const RESTORE_STAGE = '/var/lib/sealos/etcd-restore';

/** How etcd runs on a control-plane host, from kubeadm's manifest of it. */
export interface EtcdPod {
  readonly image: string;
  readonly name: string;
  readonly dataDirectory: string;
  /** The URLs under which the other members reach it. */
  readonly peerUrls: readonly string[];
}

const manifestSchema = v.object({
  spec: v.object({
    containers: v.pipe(
      v.array(v.object({ image: v.string(), command: v.optional(v.array(v.string()), []), args: v.optional(v.array(v.string()), []) })),
      v.minLength(1),
    ),
  }),
});

/** Reads a manifest of etcd as kubeadm writes it. Undefined where it is something else. */
export function parseEtcdPod(text: string): EtcdPod | undefined {
  const result = v.safeParse(manifestSchema, parseYaml(text));
  const container = result.success ? result.output.spec.containers[0] : undefined;
  if (!container) return undefined;
  const words = [...container.command, ...container.args];
  const flag = (name: string) => words.findLast((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? '';
  const [name, dataDirectory, peerUrls] = [flag('name'), flag('data-dir'), flag('initial-advertise-peer-urls').split(',').filter(Boolean)];
  if (name === '' || !dataDirectory.startsWith('/') || peerUrls.length === 0) return undefined;
  return { image: container.image, name, dataDirectory: dataDirectory.replace(/\/+$/, ''), peerUrls };
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** The pod of etcd on a host, also where a restore has taken its manifest away. Throws bad input where there is none. */
export async function readEtcdPod(host: Host, signal: AbortSignal): Promise<EtcdPod> {
  for (const directory of [STATIC_PODS, RESTORE_STAGE]) {
    const content = await host.readFile(`${directory}/etcd.yaml`, { signal });
    const pod = content === undefined ? undefined : parseEtcdPod(Buffer.from(content).toString());
    if (pod) return pod;
  }
  throw badInput(
    'no-etcd-pod',
    `${host.name}: there is no ${STATIC_PODS}/etcd.yaml that says how etcd runs there`,
    'an etcd outside of the cluster is restored with its own tools',
  );
}
