import type { Address, Host, HostFile } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { Step } from '../step.ts';
import { type Component, componentAge, restartComponent } from './component.ts';
import { outdatedFiles } from './outdated-files.ts';

interface ClientStepInput {
  readonly id: string;
  readonly needs: readonly string[];
  readonly masters: readonly Address[];
  readonly files: (host: Host) => readonly HostFile[];
}

/**
 * A new kubeconfig for the controller manager or the scheduler, one host after the other. They read it when they start: each is restarted,
 * and well before the next one's turn. With several control planes another takes the lead meanwhile.
 */
export function componentStep(input: ClientStepInput & { readonly component: Component }): Step {
  const { component } = input;
  return {
    id: input.id,
    title: `renewing the certificate of ${component.name}`,
    hosts: input.masters,
    needs: input.needs,
    serial: true,
    async check(host, { signal }) {
      const files = input.files(host);
      const outdated = await outdatedFiles(host, files, signal);
      if (outdated.length > 0) return { what: `write ${outdated.join(', ')} and restart ${component.name}` };
      const age = await componentAge(
        host,
        component,
        files.map(({ path }) => path),
        signal,
      );
      return age === 'newer' ? 'done' : { what: `restart ${component.name}` };
    },
    async apply(host, context) {
      await host.writeFiles(input.files(host), { title: `writing ${component.name}'s kubeconfig`, signal: context.signal });
      await restartComponent(host, component, context);
    },
  };
}

/** The administrator's kubeconfigs on the control planes, and root's own copy where it is one. */
export function adminStep(input: ClientStepInput & { readonly hasCopy: (host: Host) => boolean }): Step {
  const filesOf = async (host: Host, signal: AbortSignal): Promise<readonly HostFile[]> => {
    const files = input.files(host);
    const admin = files.find(({ path }) => path === '/etc/kubernetes/admin.conf');
    if (!admin || !input.hasCopy(host)) return files;
    const { stdout } = await host.run(script`printf %s "$HOME"`, { title: "asking where root's home is", signal });
    return [...files, { ...admin, path: `${stdout}/.kube/config` }];
  };
  return {
    id: input.id,
    title: "renewing the administrator's kubeconfig",
    hosts: input.masters,
    needs: input.needs,
    async check(host, { signal }) {
      const outdated = await outdatedFiles(host, await filesOf(host, signal), signal);
      return outdated.length === 0 ? 'done' : { what: `write ${outdated.join(', ')}` };
    },
    async apply(host, { signal }) {
      await host.writeFiles(await filesOf(host, signal), { title: "writing the administrator's kubeconfig", signal });
    },
  };
}
