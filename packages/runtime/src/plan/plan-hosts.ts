import { type Script, script } from '../host/script.ts';
import { scriptLine } from '../image-contract/commands.ts';
import type { Step } from '../step.ts';
import { adoptRuntimeStep } from '../steps/adopt-runtime.ts';
import { chooseBalancing } from '../steps/api-address.ts';
import { CONFIG_FILES_STEP, configFilesStep } from '../steps/config-files.ts';
import { filesStep } from '../steps/files.ts';
import { hostNamesStep } from '../steps/host-names.ts';
import { imageListsStep } from '../steps/image-lists.ts';
import { layersStep } from '../steps/layers.ts';
import { lifecycleStep } from '../steps/lifecycle.ts';
import { registryStep } from '../steps/registry.ts';
import { reservePorts } from '../steps/reserve-ports.ts';
import type { ClusterPlanInput } from './plan-cluster.ts';
import { architecturesOf, type PlannedHost } from './plan-input.ts';

/** What makes hosts ready for Kubernetes: files, the image's own scripts, names; `ends` are the steps after which they are. */
export function hostSteps(input: ClusterPlanInput): { readonly steps: readonly Step[]; readonly ends: readonly string[] } {
  const steps: Step[] = [...fileSteps(input)];
  const then = (step: Step) => steps.push({ ...step, needs: steps.slice(-1).map(({ id }) => id) });
  const needs: readonly string[] = [];
  const { layout, hosts, scripts, timeout } = input;
  const addresses = hosts.map(({ address }) => address);
  const lifecycle = (label: string) => (host: PlannedHost) => scriptLine(label, host.env, `${layout.rootfs}/scripts`);
  const one = { layout, hosts, needs, timeout };
  const init = () =>
    lifecycleStep({
      ...one,
      id: 'init',
      title: 'preparing the hosts',
      script: lifecycle(scripts.init),
      clean: lifecycle(scripts.clean),
      after: async (host, { signal }) => {
        await host.run(reservePorts(input.registry.port), { title: "keeping the cluster's ports free", signal, timeout: 60_000 });
      },
    });
  const registry = () =>
    registryStep(input, { needs, script: lifecycle(scripts.initRegistry), clean: lifecycle(scripts.cleanRegistry), timeout });

  then(adoptRuntimeStep({ layout, hosts: addresses, needs, adopt: input.adoptContainerd }));
  then(lifecycleStep({ ...one, id: 'check', title: "running the image's check", script: lifecycle(scripts.check), unlessDone: 'init' }));
  then(registryName(input));
  if (input.firstGeneration) {
    // Their registry is a container, which the container runtime that `init` brings runs (cluster-image-layout.md §1.1).
    then(apiName(input));
    then(imageListsStep({ layout, hosts: addresses, needs }));
    then(init());
    then(registry());
  } else {
    then(registry());
    if (scripts.initCri) {
      const { initCri, cleanCri } = scripts;
      const clean = cleanCri ? lifecycle(cleanCri) : undefined;
      then(lifecycleStep({ ...one, id: 'init-cri', title: 'starting the container runtime', script: lifecycle(initCri), clean }));
    }
    then(apiName(input));
    then(init());
  }
  const { auth } = scripts;
  if (auth) {
    const login = (host: PlannedHost): Script =>
      script`if [ -s ${`${layout.rootfs}/scripts/${auth.split(/\s/)[0]}`} ]; then ${lifecycle(auth)(host)} fi`;
    then(lifecycleStep({ ...one, id: 'auth', title: 'logging in to the registry', script: login }));
  }
  return { steps, ends: steps.slice(-1).map(({ id }) => id) };
}

function fileSteps(input: ClusterPlanInput): readonly Step[] {
  const { layout, hosts, images, master0, registry } = input;
  const addresses = hosts.map(({ address }) => address);
  return [
    layersStep({ layout, hosts: addresses, images, master0, registryHost: registry.host, architectures: architecturesOf(hosts) }),
    ...registryIndexSteps(input),
    ...(input.configFiles ? [configFilesStep({ ...input.configFiles, needs: ['layers'] })] : []),
    filesStep({
      id: 'files',
      title: "writing each host's own files",
      layout,
      hosts,
      needs: [input.configFiles ? CONFIG_FILES_STEP : 'layers'],
    }),
  ];
}

/** In a registry of several architectures a tag leads to an index of the images of each. */
function registryIndexSteps({ layout, hosts, registry, registryIndexes }: ClusterPlanInput): readonly Step[] {
  if (registryIndexes.length === 0) return [];
  const files = registryIndexes.map((file) => ({ ...file, path: `${layout.rootfs}/${file.path}` }));
  const serving = hosts.filter(({ address }) => address.ip === registry.host.ip).map((host) => ({ ...host, files }));
  return [filesStep({ id: 'registry-index', title: "joining the registry's architectures", layout, hosts: serving, needs: ['layers'] })];
}

function registryName({ hosts, registry }: ClusterPlanInput): Step {
  return hostNamesStep({
    id: 'registry-name',
    title: "naming the registry's host",
    needs: [],
    hosts: hosts.map(({ address }) => ({ address, names: [{ domain: registry.domain, ip: registry.host.ip }] })),
  });
}

function apiName(input: ClusterPlanInput): Step {
  return hostNamesStep({
    id: 'api-name',
    title: "naming the API's address",
    needs: [],
    hosts: input.hosts.map((host) => ({
      address: host.address,
      names: [
        { domain: input.apiName, ip: apiAddressOf(input, host) },
        ...(host.roles.includes('master') ? [] : [{ domain: 'lvscare.node.ip', ip: host.address.ip }]),
      ],
    })),
  });
}

/** How a host finds the API: a control plane by itself as soon as it has one, a worker by the virtual address where its kernel can balance it. */
function apiAddressOf({ seat, vip }: ClusterPlanInput, host: PlannedHost): string {
  if (host.roles.includes('master')) return host.member ? host.address.ip : seat.ip;
  return host.facts && chooseBalancing(host.facts) === 'direct' ? seat.ip : vip;
}
