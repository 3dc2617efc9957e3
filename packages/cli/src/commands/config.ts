import { Command } from 'commander';

export function configCommand(): Command {
  return new Command('config')
    .description(
      "Print a template of kubeadm's configuration for init --kubeadm-config, as sealos 1 to 3 did; today kubeadm documents are part of a Clusterfile",
    )
    .requiredOption('-t, --template-type <kind>', 'kubeadm')
    .action(config);
}

async function config({ templateType }: { readonly templateType: string }): Promise<void> {
  const { badInput } = await import('@sealos/image');
  const { OLDER_KUBEADM_TEMPLATE } = await import('@sealos/runtime');
  if (templateType !== 'kubeadm') throw badInput('bad-flag', `there is no template '${templateType}'`, 'say -t kubeadm');
  process.stderr.write('today this is: sealos gen IMAGE --masters HOSTS\n');
  process.stdout.write(OLDER_KUBEADM_TEMPLATE);
}
