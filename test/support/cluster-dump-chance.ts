// What two equal clusters have different by chance: keys, tokens, times, names that the API server makes up.

const rules: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----/g, '<$1>'],
  // The same in base64, as kubeconfigs and secrets hold it.
  [/LS0tLS1[A-Za-z0-9+/=]{20,}/g, '<PEM in base64>'],
  [/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g, '<bootstrap token>'],
  [/\bbootstrap-token-[a-z0-9]{6}\b/g, 'bootstrap-token-*'],
  [/\bjws-kubeconfig-[a-z0-9]{6}\b/g, 'jws-kubeconfig-*'],
  [/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+/g, '<web token>'],
  [/(-token|-dockercfg)-[a-z0-9]{5}\b/g, '$1-*'],
  [/\bsha256:[0-9a-f]{64}\b/g, '<sha256>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/\bBasic [A-Za-z0-9+/=]{8,}/g, 'Basic <login>'],
  [/\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}/g, '<bcrypt>'],
  [/\b(\w*password|passwd|certificateKey)(["']?[ \t]*[:=][ \t]*)(?!\{\{)\S.*/gi, '$1$2<secret>'],
];

/** etcd tells its members in the order of ids that are made up. */
const MEMBERS = /(--initial-cluster=)(\S+)/g;

/** The text with everything that comes by chance, and every secret, replaced by its kind. */
export function withoutChance(text: string): string {
  const sorted = text.replace(MEMBERS, (_, flag: string, members: string) => `${flag}${members.split(',').sort().join(',')}`);
  return rules.reduce((masked, [pattern, kind]) => masked.replace(pattern, kind), sorted);
}
