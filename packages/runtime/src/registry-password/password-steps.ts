import { SealosError } from '@sealos/image';
import { RESTART_REGISTRY } from '../cluster-registry/collect-garbage.ts';
import type { Address, Host, HostFile } from '../host/host.ts';
import { script } from '../host/script.ts';
import { awaitRegistry } from '../registry-config/await-registry.ts';
import type { RegistryConfig } from '../registry-config/registry-config.ts';
import { httpOverHost } from '../status/http-over-host.ts';
import type { Step } from '../step.ts';
import { loginFiles } from './login-files.ts';

/** Milliseconds that a service has to start again. */
const RESTART = 120_000;

export interface RegistryLoginStepInput {
  readonly hosts: readonly Address[];
  /** The registry's htpasswd file, and the one that the image's scripts copy there. */
  readonly paths: readonly string[];
  readonly logins: string;
  readonly config: RegistryConfig;
}

/** The registry's own side: its file of logins; then it is started again, and asked whether it takes the new login. */
export function registryLoginStep({ hosts, paths, logins, config }: RegistryLoginStepInput): Step {
  return {
    id: 'registry-login',
    title: 'giving the registry another login',
    hosts,
    needs: [],
    check: async () => ({ what: 'write its logins and start it again' }),
    async apply(host, { signal }) {
      const files = paths.map((path): HostFile => ({ path, content: logins, mode: 0o600 }));
      await host.writeFiles(files, { title: "writing the registry's logins", signal });
      await host.run(RESTART_REGISTRY, { title: 'starting the registry again', signal, timeout: RESTART });
      await host.run(awaitRegistry(config.port), { title: 'waiting for the registry', signal, timeout: RESTART });
      await requireLogin(host, config, signal);
    },
  };
}

async function requireLogin(host: Host, { port, username, password }: RegistryConfig, signal: AbortSignal): Promise<void> {
  const asking = { ip: '127.0.0.1', port, path: '/v2/', secure: false, signal };
  const { status } = await httpOverHost(host, { ...asking, login: { username, password } });
  if (status !== 200) {
    throw new SealosError('registry-login', `${host.name}: the registry answers the new login with HTTP status ${status}`, {
      hint: 'it may read its logins from another file: name it with --htpasswd-path',
    });
  }
}

export interface LoginStepInput {
  readonly hosts: readonly Address[];
  readonly rootfs: string;
  readonly shimPath: string;
  readonly config: RegistryConfig;
  readonly needs: readonly string[];
}

/** Everything on a host that logs in to the registry. */
export function loginStep({ hosts, rootfs, shimPath, config, needs }: LoginStepInput): Step {
  const files = loginFiles(rootfs, shimPath, config);
  /** Those that hold a login, with the new one in it. */
  const look = async (host: Host, signal: AbortSignal) => {
    const found = [];
    for (const file of files) {
      const content = await host.readFile(file.path, { signal });
      if (content === undefined) continue;
      const text = Buffer.from(content).toString();
      const edited = edit(host, file.path, () => file.edit(text, config));
      if (edited !== text || edited.includes(config.password) || edited.includes(encoded(config))) found.push({ ...file, text, edited });
    }
    return found;
  };
  return {
    id: 'registry-clients',
    title: 'giving the hosts the new login',
    hosts,
    needs,
    check: async () => ({ what: 'write the files that hold it' }),
    async apply(host, { signal }) {
      const found = await look(host, signal);
      const changed = found.map(({ path, edited }): HostFile => ({ path, content: edited, mode: 0o600 }));
      await host.writeFiles(changed, { title: 'writing the new login', signal });
      const readers = new Set(found.map(({ reader }) => reader));
      for (const [reader, unit] of UNITS) {
        if (!readers.has(reader)) continue;
        await host.run(script`if systemctl cat ${unit} >/dev/null 2>&1; then systemctl restart ${unit}; fi`, {
          title: `starting ${unit} again`,
          signal,
          timeout: RESTART,
        });
      }
    },
  };
}

const UNITS = [
  ['containerd', 'containerd.service'],
  ['crio', 'crio.service'],
  ['shim', 'image-cri-shim.service'],
] as const;

const encoded = ({ username, password }: RegistryConfig) => Buffer.from(`${username}:${password}`).toString('base64');

function edit(host: Host, path: string, work: () => string): string {
  try {
    return work();
  } catch (error) {
    // Not the parser's own words: they may show the line with the password.
    if (!(error instanceof SyntaxError)) throw error;
    throw new SealosError('bad-file', `${host.name}: ${path} is damaged, so that the login in it cannot be changed`, {
      hint: 'mend it, or take it away, and try again',
    });
  }
}
