import type { Address } from '../host/host.ts';
import type { K3sTokens } from './tokens.ts';

/** What a plan needs to know of k3s. */
export interface K3sPlan {
  /** `config.yaml` of a host. */
  readonly config: (address: Address) => string;
  readonly tokens: K3sTokens;
  /** Where the operator keeps the administrator's kubeconfig. */
  readonly operator: {
    readonly readKubeconfig: () => Promise<string | undefined>;
    readonly writeKubeconfig: (text: string) => Promise<void>;
  };
}
