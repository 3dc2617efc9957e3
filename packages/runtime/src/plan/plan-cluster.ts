import type { Address, Host, HostFile } from '../host/host.ts';
import type { LifecycleScripts } from '../image-contract/cluster-image.ts';
import { scriptLine } from '../image-contract/commands.ts';
import type { Plan, Step } from '../step.ts';
import { apiAddressStep, chooseBalancing } from '../steps/api-address.ts';
import { applicationStep, applicationStepId } from '../steps/application.ts';
import { filesStep } from '../steps/files.ts';
import { hostNamesStep } from '../steps/host-names.ts';
import { certificatesStep, INIT_MARKER, kubeadmInitStep, kubeconfigStep } from '../steps/kubeadm-init.ts';
import { JOIN_MARKER, kubeadmJoinStep } from '../steps/kubeadm-join.ts';
import { layersStep } from '../steps/layers.ts';
import { lifecycleStep } from '../steps/lifecycle.ts';
import { registryStep } from '../steps/registry.ts';
import type { PlannedCommands, PlannedHost, PlanShape } from './plan-input.ts';

export interface ClusterPlanInput extends PlanShape {
  readonly scripts: LifecycleScripts;
  readonly vip: string;
  readonly apiName: string;
  readonly apiPort: number;
  readonly certificates: readonly HostFile[];
  readonly kubeadm: {
    readonly init: string;
    readonly join: ReadonlyMap<string, string>;
    readonly skipPhaseFlags: { readonly init: readonly string[]; readonly join: readonly string[] };
  };
  readonly joinToken: string;
  /** kubeadm phases that the image does without. */
  readonly skipPhases: readonly string[];
  /** In the order in which they run. */
  readonly commands: readonly PlannedCommands[];
  /** Names of images whose commands run again even where they ended well. */
  readonly force: ReadonlySet<string>;
  readonly hostOf: (address: Address) => Host;
  /** Milliseconds that one remote command may take. */
  readonly timeout: number | undefined;
}

const isMaster = (host: PlannedHost) => host.roles.includes('master');

/** kubeadm's complaints that the facts explain: the kernel has what it needs in another form, or the host cannot change it. */
function expectedPreflightErrors(hosts: readonly PlannedHost[], skipPhases: readonly string[]): readonly string[] {
  const facts = hosts.flatMap((host) => (host.facts ? [host.facts] : []));
  const errors = new Set<string>();
  if (facts.some((host) => !host.kernelFeatures.bridgeNetfilter)) errors.add('FileContent--proc-sys-net-bridge-bridge-nf-call-iptables');
  if (facts.some((host) => host.swapOn)) errors.add('Swap');
  // kubeadm pulls CoreDNS' image even where it leaves CoreDNS out; the other images are pulled all the same, by the kubelet at the latest.
  if (skipPhases.includes('addon/coredns')) errors.add('ImagePull');
  return [...errors];
}

/** How a worker finds the API: the virtual address where its kernel can balance it, else master0 itself. */
function apiAddressOf(input: ClusterPlanInput, host: PlannedHost): string {
  if (isMaster(host)) return input.master0.ip;
  return host.facts && chooseBalancing(host.facts) === 'direct' ? input.master0.ip : input.vip;
}

/**
 * Everything that brings the hosts from whatever they are to the cluster that is wanted, in order; undone backwards it is the reset.
 * Pure: it reads nothing and no host. Each step finds out by itself what is still to do.
 */
export function planCluster(input: ClusterPlanInput): Plan {
  const { layout, hosts, images, master0, registry, scripts, timeout } = input;
  const workers = hosts.filter((host) => !isMaster(host));
  const everyone = hosts.map((host) => host.address);
  const lifecycle = (label: string) => (host: PlannedHost) => scriptLine(label, host.env, `${layout.rootfs}/scripts`);
  const ignorePreflightErrors = expectedPreflightErrors(hosts, input.skipPhases);

  const steps: Step[] = [
    layersStep({ layout, hosts: everyone, images, master0, registryHost: registry.host }),
    filesStep({ id: 'files', title: "writing each host's own files", layout, hosts, needs: ['layers'] }),
    lifecycleStep({
      id: 'check',
      title: "running the image's check",
      layout,
      hosts,
      needs: ['files'],
      script: lifecycle(scripts.check),
      unlessDone: 'init',
      timeout,
    }),
    hostNamesStep({
      id: 'registry-name',
      title: "naming the registry's host",
      needs: ['check'],
      hosts: hosts.map(({ address }) => ({ address, names: [{ domain: registry.domain, ip: registry.host.ip }] })),
    }),
    registryStep(input, {
      needs: ['registry-name'],
      script: lifecycle(scripts.initRegistry),
      clean: lifecycle(scripts.cleanRegistry),
      timeout,
    }),
  ];
  if (scripts.initCri) {
    const { initCri, cleanCri } = scripts;
    steps.push(
      lifecycleStep({
        id: 'init-cri',
        title: 'starting the container runtime',
        layout,
        hosts,
        needs: ['init-registry'],
        script: lifecycle(initCri),
        clean: cleanCri ? lifecycle(cleanCri) : undefined,
        timeout,
      }),
    );
  }
  steps.push(
    hostNamesStep({
      id: 'api-name',
      title: "naming the API's address",
      needs: [scripts.initCri ? 'init-cri' : 'init-registry'],
      hosts: hosts.map((host) => ({
        address: host.address,
        names: [
          { domain: input.apiName, ip: apiAddressOf(input, host) },
          ...(isMaster(host) ? [] : [{ domain: 'lvscare.node.ip', ip: host.address.ip }]),
        ],
      })),
    }),
    lifecycleStep({
      id: 'init',
      title: 'preparing the hosts',
      layout,
      hosts,
      needs: ['api-name'],
      script: lifecycle(scripts.init),
      clean: lifecycle(scripts.clean),
      timeout,
    }),
    certificatesStep({ layout, master0, needs: ['init'], certificates: input.certificates }),
    kubeadmInitStep({
      layout,
      master0,
      needs: ['certificates'],
      certificates: input.certificates,
      config: input.kubeadm.init,
      skipPhaseFlags: input.kubeadm.skipPhaseFlags.init,
      ignorePreflightErrors,
      timeout,
    }),
    kubeconfigStep({ layout, masters: hosts.filter(isMaster).map((host) => host.address), needs: [INIT_MARKER] }),
  );
  if (workers.length > 0) {
    steps.push(
      apiAddressStep({
        layout,
        workers: workers.map((host) => ({ address: host.address, balancing: host.facts ? chooseBalancing(host.facts) : 'direct' })),
        masters: hosts.filter(isMaster).map((host) => host.address),
        vip: input.vip,
        port: input.apiPort,
        needs: ['init'],
      }),
      kubeadmJoinStep({
        layout,
        master0,
        workers: workers.map((host) => host.address),
        needs: [INIT_MARKER, 'api-address'],
        hostOf: input.hostOf,
        config: (worker) => input.kubeadm.join.get(worker.ip) ?? '',
        skipPhaseFlags: input.kubeadm.skipPhaseFlags.join,
        token: input.joinToken,
        ignorePreflightErrors,
        timeout,
      }),
    );
  }
  let last = ['kubeconfig', ...(workers.length > 0 ? [JOIN_MARKER] : [])];
  for (const commands of input.commands) {
    const targets = commands.image.kind === 'application' ? [master0] : everyone;
    steps.push(applicationStep({ layout, commands, hosts: targets, needs: last, force: input.force.has(commands.image.name), timeout }));
    last = [applicationStepId(commands.image.name)];
  }
  return { steps };
}
