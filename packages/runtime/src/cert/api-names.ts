import { isIP } from 'node:net';
import { badInput } from '@sealos/image';
import { canonicalIp } from '../address-list.ts';
import type { Clusterfile } from '../cluster/cluster.ts';
import type { KubeadmDocument } from '../kubeadm/document.ts';
import { valueAt, withValue } from '../kubeadm/tree.ts';

const PATH = ['apiServer', 'certSANs'];
// RFC 1123 labels; the first may be a wildcard.
const DNS_NAME = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Names and addresses for the API server's certificate, as certificates hold them. Throws bad input for what is neither. */
export function parseApiNames(names: readonly string[]): readonly string[] {
  const parsed = names.map((text) => {
    const name = text.trim().toLowerCase();
    const address = name.replace(/^\[(.*)\]$/, '$1');
    if (isIP(address) !== 0) return canonicalIp(address);
    if (name.length <= 253 && DNS_NAME.test(name) && !/^[\d.]+$/.test(name)) return name;
    throw badInput('bad-name', `'${text}' is neither a DNS name nor an IP address`, 'write api.example.org or 192.0.2.7, without port');
  });
  return [...new Set(parsed)];
}

function namesIn(content: Readonly<Record<string, unknown>>): readonly string[] {
  const names = valueAt(content, PATH);
  return Array.isArray(names) ? names.map(String) : [];
}

/** The names that the stored Clusterfile's kubeadm documents ask for (`apiServer.certSANs` of ClusterConfiguration). */
export function storedNames(file: Pick<Clusterfile, 'kubeadm'>): readonly string[] {
  return [...new Set(file.kubeadm.filter(({ kind }) => kind === 'ClusterConfiguration').flatMap(({ content }) => namesIn(content)))];
}

/** The kubeadm documents with more names asked for, the same documents where all are there. Runs lay them over the image's own. */
export function documentsWithNames(documents: readonly KubeadmDocument[], names: readonly string[]): readonly KubeadmDocument[] {
  const present = new Set(documents.filter(({ kind }) => kind === 'ClusterConfiguration').flatMap(({ content }) => namesIn(content)));
  const added = names.filter((name) => !present.has(name));
  if (added.length === 0) return documents;
  const last = documents.findLast(({ kind }) => kind === 'ClusterConfiguration');
  if (last === undefined) {
    const content = { apiServer: { certSANs: added } };
    return [...documents, { kind: 'ClusterConfiguration', apiVersion: 'kubeadm.k8s.io/v1beta3', content }];
  }
  const grown = { ...last, content: withValue(last.content, PATH, [...namesIn(last.content), ...added]) };
  return documents.map((document) => (document === last ? grown : document));
}
