import { X509Certificate } from 'node:crypto';
import { badInput, SealosError } from '@sealos/image';
import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { DISTRIBUTIONS } from '../distribution.ts';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { isTree, valueAt } from '../kubeadm/tree.ts';
import { covers } from '../pki/existing.ts';
import type { Pki } from '../pki/pki.ts';
import { copiedSecrets } from '../state/copied-secrets.ts';
import { lastingClusterfile } from '../state/lasting-clusterfile.ts';
import type { Step } from '../step.ts';
import { clusterStateStep } from '../steps/cluster-state.ts';
import { documentsWithNames, parseApiNames, storedNames } from './api-names.ts';
import { type CertChange, lockCluster } from './control-plane.ts';
import { apiServerStep } from './serving-steps.ts';

export interface AddApiNamesOptions extends CertChange {
  /** DNS names and addresses. */
  readonly names: readonly string[];
}

export interface AddedNames {
  /** How much had to be done; 0: all certificates had the names. */
  readonly changed: number;
}

const PATH = ['apiServer', 'certSANs'];
const configMapSchema = v.looseObject({ data: v.looseObject({ ClusterConfiguration: v.string() }) });
type ConfigMap = v.InferOutput<typeof configMapSchema>;

const kubectl = script`kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=20s -n kube-system`;

/**
 * `sealos cert --alt-names`: adds names to the certificates of all API servers, one after the other while they serve. They are kept in
 * the Clusterfile and in the cluster's own `kubeadm-config`, so that later runs and control planes that join have them too. Where all
 * have them nothing is done.
 */
export async function addApiNames(options: AddApiNamesOptions): Promise<AddedNames> {
  const names = parseApiNames(options.names);
  if (names.length === 0) throw badInput('no-names', 'no name was given', 'name some with --alt-names');
  await using cluster = await lockCluster(options);
  const { state, masters, apiPort, version } = cluster;
  const [seat] = masters;
  if (!seat) throw new Error('a locked cluster has a control plane');
  let changed = 0;

  // First what later runs go by: from here on nothing takes the names away again.
  const file = await state.read();
  const documents = documentsWithNames(file?.kubeadm ?? [], names);
  if (file && documents !== file.kubeadm) {
    await state.write({ ...file, kubeadm: documents });
    changed += 1;
  }
  const known = await readConfigMap(seat.host, options.signal);
  let making: Promise<Pki> | undefined;
  const make = () => {
    making ??= cluster.ensure({ extraSans: [...new Set([...storedNames(cluster.stored), ...namesOfConfig(known), ...names])] });
    return making;
  };
  const steps: Step[] = [
    namesStep(seat.spec.address, names),
    apiServerStep({
      id: 'cert-apiserver',
      needs: ['cert-names'],
      masters: masters.map(({ spec }) => spec.address),
      port: apiPort,
      version,
      async files(host) {
        const there = await host.readFile('/etc/kubernetes/pki/apiserver.crt', { signal: options.signal });
        if (there && hasNames(there, names)) return [];
        const files = (await make()).files.get(host.address.ip) ?? [];
        return files.filter(({ path }) => /\/pki\/apiserver\.(?:crt|key)$/.test(path));
      },
    }),
  ];
  const after = await state.read();
  if (after) {
    steps.push(
      clusterStateStep({
        seat: seat.spec.address,
        kubeconfig: DISTRIBUTIONS.kubernetes.kubeconfig,
        needs: ['cert-apiserver'],
        copy: async () => ({ clusterfile: lastingClusterfile(after, after.cluster.createdAt), secrets: await copiedSecrets(state) }),
      }),
    );
  }
  return { changed: changed + (await cluster.execute(steps)) };
}

function hasNames(pem: Uint8Array, names: readonly string[]): boolean {
  try {
    const certificate = new X509Certificate(pem);
    return names.every((name) => covers(certificate, name));
  } catch {
    return false;
  }
}

async function readConfigMap(host: Host, signal: AbortSignal): Promise<ConfigMap> {
  const { stdout } = await host.run(script`${kubectl} get configmap kubeadm-config -o json`, {
    title: "reading kubeadm's configuration in the cluster",
    signal,
    timeout: 60_000,
  });
  const parsed = v.safeParse(configMapSchema, JSON.parse(stdout));
  if (parsed.success) return parsed.output;
  throw new SealosError('bad-kubeadm-config', `${host.name}: the ConfigMap kube-system/kubeadm-config holds no ClusterConfiguration`, {
    hint: 'see kubectl -n kube-system get configmap kubeadm-config -o yaml',
  });
}

function namesOfConfig({ data }: ConfigMap): readonly string[] {
  const content: unknown = parseDocument(data.ClusterConfiguration).toJS();
  const names = isTree(content) ? valueAt(content, PATH) : undefined;
  return Array.isArray(names) ? names.map(String) : [];
}

/** The text of a ClusterConfiguration with more names, everything else as it was written. */
export function configWithNames(text: string, names: readonly string[]): string {
  const document = parseDocument(text);
  const present: unknown = document.toJS();
  const old = isTree(present) ? valueAt(present, PATH) : undefined;
  const all = [...new Set([...(Array.isArray(old) ? old.map(String) : []), ...names])];
  document.setIn(PATH, document.createNode(all));
  return document.toString({ lineWidth: 0 });
}

/** The names in the cluster's own `kubeadm-config`, by which kubeadm makes certificates where a control plane joins or is upgraded. */
function namesStep(seat: { readonly ip: string; readonly port: number }, names: readonly string[]): Step {
  return {
    id: 'cert-names',
    title: "adding the names to the cluster's kubeadm configuration",
    hosts: [seat],
    needs: [],
    async check(host, { signal }) {
      const present = new Set(namesOfConfig(await readConfigMap(host, signal)));
      const absent = names.filter((name) => !present.has(name));
      return absent.length === 0 ? 'done' : { what: `add ${absent.join(', ')}` };
    },
    async apply(host, { signal }) {
      // With its resourceVersion: a change that someone else makes meanwhile is refused, not lost.
      const config = await readConfigMap(host, signal);
      const text = configWithNames(config.data.ClusterConfiguration, names);
      const manifest = JSON.stringify({ ...config, data: { ...config.data, ClusterConfiguration: text } });
      await host.run(script`printf %s ${manifest} | ${kubectl} replace -f - >/dev/null`, {
        title: "writing kubeadm's configuration in the cluster",
        signal,
        timeout: 60_000,
      });
    },
  };
}
