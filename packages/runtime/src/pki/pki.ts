import { createPublicKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import type { HostFile } from '../host/host.ts';
import { readIfThere, writePrivateFile } from '../state/private-file.ts';
import { generateKey, issueCa, issueCertificate, type KeyPair, privateKeyPem, publicKeyHash } from './certificate.ts';
import { certificateFits, namesOf, readAuthority, readPair, readServiceAccountKey } from './existing.ts';
import {
  type AuthorityName,
  authorities,
  type CertificateEntry,
  hostCertificates,
  initKubeconfigs,
  type KubeconfigEntry,
  sharedCertificates,
  sharedKubeconfigs,
} from './inventory.ts';
import { formatKubeconfig, parseKubeconfig } from './kubeconfig.ts';
import { adminGroups, requireAuthorities, servingDirectory } from './operator-files.ts';

export interface PkiMaster {
  readonly ip: string;
  /** The Kubernetes node's name: the host's name in lower case. */
  readonly nodeName: string;
}

export interface PkiOptions {
  /** Control-plane hosts, master0 first. */
  readonly masters: readonly PkiMaster[];
  /** Kubernetes version with `v`: groups of the certificates changed in 1.29. */
  readonly version: string;
  readonly vip: string;
  /** `apiserver.cluster.local` by default. */
  readonly apiName?: string | undefined;
  /** 6443 by default. */
  readonly apiPort?: number | undefined;
  /** One block, or two separated by a comma (dual stack). */
  readonly serviceSubnet: string;
  /** `cluster.local` by default. */
  readonly dnsDomain?: string | undefined;
  /** More names and addresses for the API server's certificate. */
  readonly extraSans?: readonly string[] | undefined;
  /** The cluster stands: an authority or a service accounts' key that is missing here is an error, and is not made. */
  readonly standing?: boolean | undefined;
  /**
   * Which of the leaf certificates that may be kept are made anew all the same, with new keys. `path` is that of the certificate below
   * the directory without its extension (`pki/etcd/server`, `pki/hosts/NAME/apiserver`), of a kubeconfig with it (`etc/admin.conf`).
   */
  readonly renew?: ((path: string, certificate: X509Certificate) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Pki {
  /** Files for `/etc/kubernetes` (certificates, keys, kubeconfigs) of each control-plane host, by its `ip`. */
  readonly files: ReadonlyMap<string, readonly HostFile[]>;
  /** The cluster CA's certificate (PEM). */
  readonly caCert: string;
  /** The cluster CA with its key: a secret. */
  readonly authority: KeyPair;
  /** `sha256:HEX` of the cluster CA's public key, as `kubeadm join` checks it. */
  readonly caCertHash: string;
  /** Kubeconfig of the cluster's administrator: a secret. */
  readonly adminConf: string;
  /** Paths below the directory that were written by this call. */
  readonly changed: readonly string[];
}

type Authorities = Readonly<Record<AuthorityName, KeyPair>>;

const hostDirectory = '/etc/kubernetes';

/**
 * Makes sure that a cluster's certificates exist under `home` (`pki/`, `etc/*.conf`, as sealos lays them out; those of masters other
 * than the first under `pki/hosts/NAME/`) and are right, and returns what each control-plane host needs. What is there and valid is
 * kept, whichever masters come, go or change places; a CA is never replaced.
 */
export async function ensurePki(home: string, options: PkiOptions): Promise<Pki> {
  const { version, apiName = 'apiserver.cluster.local', apiPort = 6443, dnsDomain = 'cluster.local', extraSans = [], signal } = options;
  const changed: string[] = [];
  const disk: Disk = { home, changed, signal, renew: options.renew ?? (() => false) };
  if (options.standing) await requireAuthorities(home);
  const groups = await adminGroups(home);
  const [ca, frontProxyCa, etcdCa, serviceAccount] = await Promise.all([
    ensureAuthority(disk, 'ca'),
    ensureAuthority(disk, 'front-proxy-ca'),
    ensureAuthority(disk, 'etcd/ca'),
    ensureServiceAccountKey(disk),
  ]);
  const signers: Authorities = { ca, 'front-proxy-ca': frontProxyCa, 'etcd/ca': etcdCa };
  const server = `https://${apiName}:${apiPort}`;
  const kubeconfig = (entry: KubeconfigEntry) => ensureKubeconfig(disk, entry, ca, server);
  const certificate = (directory: string) => (entry: CertificateEntry) => ensureCertificate(disk, directory, entry, signers);

  const [certificates, kubeconfigs, ...hosts] = await Promise.all([
    Promise.all(sharedCertificates(version).map(certificate('pki'))),
    Promise.all(sharedKubeconfigs(version, groups).map(kubeconfig)),
    ...options.masters.map(async (master, index) => {
      const entries = hostCertificates(master, { ...options, apiName, dnsDomain, extraSans });
      const directory = await servingDirectory(home, master.nodeName, index === 0);
      const [serving, initial] = await Promise.all([
        Promise.all(entries.map(certificate(directory))),
        Promise.all((index === 0 ? initKubeconfigs(master.nodeName, version) : []).map(kubeconfig)),
      ]);
      return { ip: master.ip, files: [...serving.flat(), ...initial] };
    }),
  ]);

  const shared = [
    ...Object.entries(signers).flatMap(([path, pair]) => pairFiles(path, pair)),
    ...serviceAccount,
    ...certificates.flat(),
    ...kubeconfigs,
  ];
  const admin = kubeconfigs.find(({ path }) => path === `${hostDirectory}/admin.conf`);
  return {
    files: new Map(hosts.map(({ ip, files }) => [ip, [...shared, ...files]])),
    caCert: ca.cert,
    authority: ca,
    caCertHash: publicKeyHash(ca.key),
    adminConf: String(admin?.content),
    changed: changed.sort(),
  };
}

interface Disk {
  readonly home: string;
  readonly changed: string[];
  readonly signal: AbortSignal | undefined;
  readonly renew: NonNullable<PkiOptions['renew']>;
}

async function ensureAuthority(disk: Disk, name: AuthorityName): Promise<KeyPair> {
  const path = join('pki', name);
  const found = await readAuthority(join(disk.home, path));
  if (found?.cert !== undefined) return { key: found.key, cert: found.cert };
  const pair = issueCa(authorities[name], found?.key ?? (await generateKey()));
  // The key first: a certificate can be made again from it, but not the reverse.
  if (found === undefined) await write(disk, `${path}.key`, privateKeyPem(pair.key));
  await write(disk, `${path}.crt`, pair.cert);
  return pair;
}

async function ensureCertificate(
  disk: Disk,
  directory: string,
  entry: CertificateEntry,
  signers: Authorities,
): Promise<readonly HostFile[]> {
  const { required = entry.profile.sans } = entry;
  const path = join(directory, entry.path);
  const authority = signers[entry.authority];
  const found = await readPair(join(disk.home, path));
  const fits = found !== undefined && certificateFits(found, entry.profile, required, authority);
  if (fits && !disk.renew(path, new X509Certificate(found.cert))) return pairFiles(entry.path, found);
  const kept = entry.keepsNames && found ? namesOf(found.cert) : [];
  const profile = { ...entry.profile, sans: [...new Set([...entry.profile.sans, ...kept])] };
  const pair = issueCertificate(profile, await generateKey(), authority);
  await write(disk, `${path}.key`, privateKeyPem(pair.key));
  await write(disk, `${path}.crt`, pair.cert);
  return pairFiles(entry.path, pair);
}

async function ensureKubeconfig(disk: Disk, entry: KubeconfigEntry, ca: KeyPair, server: string): Promise<HostFile> {
  const path = join('etc', entry.file);
  const host = { path: `${hostDirectory}/${entry.file}`, mode: 0o600 };
  const { user, organizations = [] } = entry;
  const profile = { commonName: user, usages: ['client'] as const, sans: [], organizations };
  const text = await readIfThere(join(disk.home, path));
  const found = text === undefined ? undefined : parseKubeconfig(text);
  const fits = found?.server === server && found.caCert === ca.cert && certificateFits(found.client, profile, [], ca);
  if (text !== undefined && fits && !disk.renew(path, new X509Certificate(found.client.cert))) return { ...host, content: text };
  const content = formatKubeconfig({ server, caCert: ca.cert, user, client: issueCertificate(profile, await generateKey(), ca) });
  await write(disk, path, content);
  return { ...host, content };
}

/** The key that signs service accounts' tokens; it has no certificate. */
async function ensureServiceAccountKey(disk: Disk): Promise<readonly HostFile[]> {
  const found = await readServiceAccountKey(join(disk.home, 'pki', 'sa.key'));
  const key = found ?? (await generateKey());
  const publicPem = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  if (found === undefined) await write(disk, join('pki', 'sa.key'), privateKeyPem(key));
  if ((await readIfThere(join(disk.home, 'pki', 'sa.pub'))) !== publicPem) await write(disk, join('pki', 'sa.pub'), publicPem);
  return [
    { path: `${hostDirectory}/pki/sa.key`, content: privateKeyPem(key), mode: 0o600 },
    { path: `${hostDirectory}/pki/sa.pub`, content: publicPem, mode: 0o600 },
  ];
}

async function write(disk: Disk, path: string, content: string): Promise<void> {
  disk.signal?.throwIfAborted();
  await writePrivateFile(join(disk.home, path), content);
  disk.changed.push(path);
}

function pairFiles(path: string, { key, cert }: KeyPair): readonly HostFile[] {
  return [
    { path: `${hostDirectory}/pki/${path}.crt`, content: cert, mode: 0o644 },
    { path: `${hostDirectory}/pki/${path}.key`, content: privateKeyPem(key), mode: 0o600 },
  ];
}
