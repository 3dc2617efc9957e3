// The templates of the shipped images, a thousand files of them, beside Go's own engine in the same run.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { renderTemplate, stringMap } from '@sealos/template';
import { openOracle } from '../support/gotemplate/oracle.ts';
import { writePart } from './page.ts';

const images = join(dirname(dirname(import.meta.dirname)), 'images');
const FILES = 1000;
const environment = {
  SEALOS_SYS_KUBE_VERSION: 'v1.29.9',
  SEALOS_SYS_RUN_MODE: 'master',
  criData: '/var/lib/containerd',
  registryDomain: 'sealos.hub',
  registryPort: '5000',
  registryUsername: 'admin',
  registryPassword: 'not-a-secret',
  sandboxImage: 'pause:3.9',
};

/** Renders a thousand files, each parsed anew as a host's are, and writes how long it took. Throws where one is not what Go makes of it. */
export async function benchTemplates(say: (line: string) => void): Promise<void> {
  const begun = new Date();
  const templates = globSync('**/*.tmpl', { cwd: images }).map((name) => ({ name, template: readFileSync(join(images, name), 'utf8') }));
  const cases = Array.from({ length: FILES }, (_, index) => {
    const { name, template } = templates[index % templates.length] ?? { name: '', template: '' };
    return { name, template, data: environment, env: {}, strings: true };
  });
  const data = stringMap(environment);
  const render = () => cases.map(({ template, name, env }) => renderTemplate(template, data, { name, env }));
  render(); // as in a run of many hosts: the engine is warm
  const started = performance.now();
  const ours = render();
  const seconds = (performance.now() - started) / 1000;
  await using oracle = await openOracle();
  const goStarted = performance.now();
  const theirs = await oracle.render(cases);
  const goSeconds = (performance.now() - goStarted) / 1000;
  for (const [index, text] of ours.entries()) {
    if (text !== theirs[index]?.output) throw new Error(`${cases[index]?.name} is not what Go makes of it: ${theirs[index]?.error}`);
  }
  const lines = [
    `${FILES} of the shipped images' files: ${seconds.toFixed(2)} s (target at most 1 s: ${seconds > 1 ? '**missed**' : 'met'}). Go's own engine takes ${goSeconds.toFixed(2)} s, the start of its program and its JSON included.`,
  ];
  say(`\n${lines.join('\n')}\n`);
  writePart('templates', lines, begun);
}
