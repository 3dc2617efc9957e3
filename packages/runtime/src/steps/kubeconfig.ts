import { posix } from 'node:path';
import type { Address } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { Step } from '../step.ts';

/** `~/.kube/config` of root on a control plane; a file that was there and is not ours is kept beside it. */
export function kubeconfigStep(input: {
  readonly masters: readonly Address[];
  /** The administrator's, on each of them. */
  readonly source: string;
  readonly needs: readonly string[];
}): Step {
  return {
    id: 'kubeconfig',
    title: 'giving root a kubeconfig',
    hosts: input.masters,
    needs: input.needs,
    async check(host, { signal }) {
      const { exitCode } = await host.run(script`cmp -s ${input.source} "$HOME/.kube/config"`, {
        title: 'comparing the kubeconfig',
        signal,
        allowFailure: true,
      });
      return exitCode === 0 ? 'done' : { what: `copy ${posix.basename(input.source)} to ~/.kube/config` };
    },
    async apply(host, { signal }) {
      await host.run(
        // One of this cluster, from before a renewal, is replaced: kept beside, it would take the place of the user's own.
        script`mkdir -p -m 0700 "$HOME/.kube"
authority() { grep -o 'certificate-authority-data: .*' "$1"; }
if [ -e "$HOME/.kube/config" ] && [ "$(authority "$HOME/.kube/config")" != "$(authority ${input.source})" ]; then
  mv -f "$HOME/.kube/config" "$HOME/.kube/config.before-sealos"
fi
install -m 0600 ${input.source} "$HOME/.kube/.config.sealos-new"
mv -f "$HOME/.kube/.config.sealos-new" "$HOME/.kube/config"`,
        { title: 'copying the kubeconfig', signal },
      );
    },
    async undo(host, { signal }) {
      await host.run(
        script`rm -f "$HOME/.kube/config" "$HOME/.kube/.config.sealos-new"
if [ -e "$HOME/.kube/config.before-sealos" ]; then mv -f "$HOME/.kube/config.before-sealos" "$HOME/.kube/config"; fi
rm -rf "$HOME/.kube/cache" && rmdir "$HOME/.kube" 2>/dev/null || true`,
        { title: 'removing the kubeconfig', signal },
      );
    },
  };
}
