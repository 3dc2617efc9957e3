/** One variable of the environment that sealos heeds. */
export interface EnvironmentVariable {
  readonly name: string;
  readonly default: string;
  readonly description: string;
  /** Its value is never shown. */
  readonly isSecret?: boolean;
}

/** What `sealos env` and the manual list. */
export const environmentVariables: readonly EnvironmentVariable[] = [
  {
    name: 'SEALOS_STORAGE',
    default: '~/.local/share/sealos/storage',
    description: 'Directory of the images of this machine, like --root.',
  },
  { name: 'SEALOS_RUNTIME_ROOT', default: '~/.sealos', description: "Directory of the clusters' state." },
  { name: 'SEALOS_DATA_ROOT', default: '/var/lib/sealos', description: "Directory of the clusters' files on the hosts." },
  {
    name: 'SEALOS_EXECUTION_TIMEOUT',
    default: '30m',
    description: 'How long one command on a host may take: 90s, 15m, 2h, or 0 for no limit.',
  },
  { name: 'SEALOS_PASSWD', default: '', description: 'Password on the hosts, like --passwd.', isSecret: true },
  { name: 'SEALOS_PK_PASSWD', default: '', description: "The private key's passphrase, like --pk-passwd.", isSecret: true },
  { name: 'SEALOS_JUMP_PASSWD', default: '', description: 'Password on the jump host.', isSecret: true },
  { name: 'SEALOS_KEY_PASSWORD', default: '', description: 'Password of the key that images are signed with.', isSecret: true },
  { name: 'SOURCE_DATE_EPOCH', default: '', description: 'Latest time in an image that is built, seconds since 1970.' },
  { name: 'REGISTRY_AUTH_FILE', default: '', description: 'File with the logins of registries, like --authfile.' },
  {
    name: 'CONTAINERS_REGISTRIES_CONF',
    default: '/etc/containers/registries.conf',
    description: 'Mirrors of registries and exceptions for them.',
  },
];
