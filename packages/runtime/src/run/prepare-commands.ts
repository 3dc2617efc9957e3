import type { Address } from '../host/host.ts';
import { overrideCommand } from '../image-contract/cluster-image.ts';
import { guestScript } from '../image-contract/commands.ts';
import type { PlannedCommands } from '../plan/plan-input.ts';
import { renderTemplates } from '../render/render.ts';
import { applicationStepId } from '../steps/application.ts';
import { markerName } from '../steps/marker.ts';
import { environmentOf } from './image-environment.ts';
import type { PrepareInput, ReachedHost } from './prepare.ts';

/**
 * The commands of the images that this call names, each with the environment of the host where they run; those of the rootfs and of
 * patches besides on the hosts where they never ran, which were added since.
 */
export function commandsOf(
  input: PrepareInput,
  master0: ReachedHost,
  kubeVersion: string | undefined,
  rootfsDirectory: string,
  workdir: (name: string) => string,
): readonly PlannedCommands[] {
  let first = true;
  return input.images.flatMap((image) => {
    const isRequested = input.requested.has(image.contract.name);
    const isApplication = image.contract.kind === 'application';
    const ran = markerName(applicationStepId(image.contract.name));
    const everywhere = isApplication ? [master0] : input.hosts;
    const hosts = isRequested ? everywhere : everywhere.filter(({ markers }) => !isApplication && !markers.has(ran));
    if (hosts.length === 0) return [];
    const contract = isRequested && first ? overrideCommand(image.contract, input.command) : image.contract;
    if (isRequested) first = false;
    const directory = isApplication ? workdir(image.planned.directory) : rootfsDirectory;
    const files = isApplication ? renderTemplates(image.templates, environmentOf(input, contract, master0, kubeVersion), directory) : [];
    if (contract.commands.length === 0 && files.length === 0) return [];
    const planned = { image: image.planned, hosts: hosts.map(({ spec }) => spec.address), files };
    const script = (address: Address) => {
      const reached = hosts.find(({ spec }) => spec.address.ip === address.ip);
      if (!reached) throw new Error(`${image.contract.name} has no commands for ${address.ip}`);
      return guestScript(contract.commands, environmentOf(input, contract, reached, kubeVersion), directory, {
        keepGoing: input.keepGoing,
      });
    };
    return [{ ...planned, script }];
  });
}
