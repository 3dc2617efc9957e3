import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { PlannedCommands } from '../plan/plan-input.ts';
import type { Step } from '../step.ts';
import { filesHash } from './files.ts';
import { finishing, inputHash, readMarker, scriptHash, writeMarker } from './marker.ts';

export interface ApplicationInput {
  readonly layout: HostLayout;
  readonly commands: PlannedCommands;
  readonly needs: readonly string[];
  /** The other control planes of an application: they remember with the first one what was run, for the day when one of them is the first. */
  readonly witnesses: () => readonly Host[];
  /** Runs the commands even where they ended well before. */
  readonly force: boolean;
  readonly timeout: number | undefined;
}

export function applicationStepId(name: string): string {
  return `run ${name}`;
}

/** An image's ENTRYPOINT and CMD, each element one shell line, in the image's own directory (cluster-image-layout.md §3.4). */
export function applicationStep({ layout, commands, needs, witnesses, force, timeout }: ApplicationInput): Step {
  const { image } = commands;
  const id = applicationStepId(image.name);
  const hashOn = (host: Host) => inputHash(image.digest, scriptHash(commands.script(host.address)), filesHash(commands.files));
  return {
    id,
    title: `running ${image.name}`,
    hosts: commands.hosts,
    needs,
    async check(host, { signal }) {
      if (!force && (await readMarker(host, layout, id, signal)) === hashOn(host)) return 'done';
      return { what: "run the image's commands" };
    },
    async apply(host, { signal, onLine }) {
      const hash = hashOn(host);
      if (image.kind === 'application') {
        // Even an image without files of its own has a directory to run in.
        await host.run(script`mkdir -p ${layout.workdir(image.directory)}`, { title: 'making the application directory', signal });
      }
      if (commands.files.length > 0)
        await host.writeFiles(commands.files, { title: 'writing the rendered files', within: layout.data, signal });
      await host.run(finishing(commands.script(host.address), layout, id, hash), {
        title: `running ${image.name}`,
        signal,
        onLine,
        timeout,
      });
      const remember = writeMarker(layout, id, hash);
      await Promise.all(witnesses().map((witness) => witness.run(remember, { title: `remembering that ${image.name} was run`, signal })));
    },
  };
}
