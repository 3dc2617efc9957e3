import type { Address, Host, HostFile } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step, StepContext } from '../step.ts';
import { filesHash } from './files.ts';
import { finishing, inputHash, readMarker } from './marker.ts';

export const CONFIG_FILES_STEP = 'config-files';

export interface ConfigFilesInput {
  readonly layout: HostLayout;
  readonly hosts: readonly Address[];
  readonly needs: readonly string[];
  /** What Configs make of the images' files on a host, absolute paths. */
  readonly files: (address: Address) => readonly HostFile[];
  /** Digests of the images on a host: a new build brings its own files again. */
  readonly digests: (address: Address) => readonly string[];
  /** A file as the images have it, for a Config that is no more; undefined where they have none. */
  readonly original: (path: string, signal: AbortSignal) => Promise<HostFile | undefined>;
}

/**
 * The files that Configs change, over the unpacked layers and before templates are rendered. The host keeps a list of them: what a
 * Config once changed and none changes any more is put back as the image has it, or removed.
 */
export function configFilesStep(input: ConfigFilesInput): Step {
  const { layout } = input;
  const list = `${layout.markers}/${CONFIG_FILES_STEP}.paths`;
  const hashOf = (address: Address) => inputHash(filesHash(input.files(address)), input.digests(address));

  async function listed(host: Host, signal: AbortSignal): Promise<readonly string[]> {
    const { stdout } = await host.run(script`if [ -f ${list} ]; then cat ${list}; fi`, {
      title: 'reading which files Configs changed',
      signal,
    });
    return stdout.split('\n').filter((line) => line !== '');
  }

  async function putBack(host: Host, paths: readonly string[], { signal }: StepContext): Promise<void> {
    const originals: HostFile[] = [];
    const gone: string[] = [];
    for (const path of paths) {
      const original = await input.original(path, signal);
      if (original !== undefined) originals.push(original);
      else gone.push(path, ...(path.endsWith('.tmpl') ? [path.slice(0, -'.tmpl'.length)] : []));
    }
    const title = 'putting back what no Config changes any more';
    if (originals.length > 0) await host.writeFiles(originals, { title, within: layout.data, signal });
    if (gone.length > 0) await host.run(script`rm -f -- ${gone}`, { title, signal });
  }

  return {
    id: CONFIG_FILES_STEP,
    title: 'applying Configs',
    hosts: input.hosts,
    needs: input.needs,
    async check(host, { signal }) {
      const files = input.files(host.address);
      const marker = await readMarker(host, layout, CONFIG_FILES_STEP, signal);
      if (marker === hashOf(host.address)) return 'done';
      // A host that no Config ever changed has no marker, and needs none.
      if (marker === undefined && files.length === 0 && (await listed(host, signal)).length === 0) return 'done';
      return { what: `write ${files.length} file${files.length === 1 ? '' : 's'} as Configs have ${files.length === 1 ? 'it' : 'them'}` };
    },
    async apply(host, context) {
      const { signal } = context;
      const files = input.files(host.address);
      const wanted = files.map(({ path }) => path);
      const before = await listed(host, signal);
      const record = (paths: readonly string[]) =>
        script`mkdir -p -m 0700 ${layout.markers} && printf '%s\n' ${paths} > ${`${list}.new`} && mv -f ${`${list}.new`} ${list}`;
      const title = 'recording which files Configs change';
      // First the longer list: whoever goes on after an interruption knows of every file that may have been touched.
      await host.run(record([...new Set([...before, ...wanted])]), { title, signal });
      await putBack(
        host,
        before.filter((path) => !wanted.includes(path)),
        context,
      );
      if (files.length > 0) await host.writeFiles(files, { title: 'writing the files that Configs change', within: layout.data, signal });
      await host.run(finishing(record(wanted), layout, CONFIG_FILES_STEP, hashOf(host.address)), { title, signal });
    },
  };
}
