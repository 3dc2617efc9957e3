import type { HostFile } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { PlannedHost } from '../plan/plan-input.ts';
import type { Step } from '../step.ts';
import { finishing, inputHash, readMarker } from './marker.ts';

/** The hash of a set of files: what is in them and their modes. */
export function filesHash(files: readonly HostFile[]): string {
  return inputHash(files.map((file) => [file.path, file.mode, Buffer.from(file.content).toString('base64')]));
}

/**
 * The files rendered for each host, over the unpacked layers. The marker decides, not the files' content: an image's `check` may edit
 * what was rendered (cluster-image-layout.md §5, case 22), and that edit must last.
 */
export function filesStep(input: {
  readonly id: string;
  readonly title: string;
  readonly layout: HostLayout;
  readonly hosts: readonly PlannedHost[];
  readonly needs: readonly string[];
}): Step {
  const filesOf = (ip: string) => input.hosts.find((host) => host.address.ip === ip)?.files ?? [];
  return {
    id: input.id,
    title: input.title,
    hosts: input.hosts.map((host) => host.address),
    needs: input.needs,
    async check(host, { signal }) {
      const files = filesOf(host.address.ip);
      if ((await readMarker(host, input.layout, input.id, signal)) === filesHash(files)) return 'done';
      return { what: `write ${files.length} file${files.length === 1 ? '' : 's'}` };
    },
    async apply(host, { signal }) {
      const files = filesOf(host.address.ip);
      await host.writeFiles(files, { title: 'writing the rendered files', within: input.layout.data, signal });
      await host.run(finishing(script`true`, input.layout, input.id, filesHash(files)), { title: 'recording the rendered files', signal });
    },
  };
}
