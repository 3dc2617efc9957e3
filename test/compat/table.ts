import type { Kind, Promised } from './proofs.ts';

/** A test that ran. */
export interface Ran {
  /** Relative to the checkout. */
  readonly file: string;
  readonly name: string;
  readonly passed: boolean;
}

/** A promise with the tests that prove it; `missing` are named and did not run. */
export interface Proven {
  readonly promised: Promised;
  readonly ran: readonly Ran[];
  readonly missing: readonly string[];
  readonly passed: boolean;
}

/** Finds the tests of a promise among those that ran. Without any, it is not kept. */
export function prove(promised: Promised, all: readonly Ran[]): Proven {
  const own = all.filter(({ file, name }) => file.startsWith('test/compat/') && name.startsWith(`${promised.kind} ${promised.number}: `));
  const named = promised.tests.map(([file, name]) => ({ file, name, found: all.find((ran) => ran.file === file && ran.name === name) }));
  const ran = [...own, ...named.flatMap(({ found }) => found ?? [])];
  const missing = named.filter(({ found }) => found === undefined).map(({ file, name }) => `${file}: ${name}`);
  return { promised, ran, missing, passed: ran.length > 0 && missing.length === 0 && ran.every(({ passed }) => passed) };
}

const INTRODUCTION = `# Compatibility

What sealos 4 and 5 users have, and what is run here unchanged: cluster images as they are published, their scripts, labels, templates and
habits. \`npm run test:compat\` proves each promise and writes this page; nothing in it is written by hand.

A rootfs image in the manner of the published ones (today's generation: scripts chained in \`init\`, a shim between kubelet and the container
runtime, templates for every unit) is run with a patch and application images to a real cluster of two hosts; the images are in
[test/compat/](../test/compat/). \`helm\` and the shim are fakes there, kubeadm, kubelet, containerd and the registry are real. So it is with what is
older: an image of 2022, an offline package of sealos 1 to 3 (both written for the tests after their documents, with a real Kubernetes in them)
and a cluster of sealos 5. The programs of that time cannot be had where the tests run: the cluster that is taken over was made by this
program, lost everything that only this program leaves, and got the state that sealos 5.0 writes.

On purpose it is different in this:

- The first command of an image that fails stops it; \`--keep-going\` runs the others as sealos 4.3 and later do.
- Images of 2022, which do not say \`sealos.io.version\`, are run with a warning; sealos 5 refuses them.
- Images for k3s are run with configuration and tokens of this program's own making, and with k3s' own certificates. Its kubeconfig is for root
  alone, where sealos lets every user of the host read it. \`sealos cert\`, \`sealos etcd\`, \`sealos registry passwd\` and upgrades are refused for
  them. k3s itself cannot be had where the tests run: a fake stands for it, which has no containers and no TLS.
- Nothing starts \`opt/sealctl\` of an image: its work is done by the operator. It lies there for scripts that call it.
`;

/** The page: a row for each promise. */
export function formatPage(proven: readonly Proven[]): string {
  const rows = (kind: Promised['kind']) => proven.filter(({ promised }) => promised.kind === kind).map(formatRow);
  const head = ['| | what | proven by | |', '|---|---|---|---|'];
  return [
    INTRODUCTION,
    ...SECTIONS.flatMap(([kind, title], index) => [`${index === 0 ? '' : '\n'}## ${title}\n`, ...head, ...rows(kind)]),
    '',
  ].join('\n');
}

const SECTIONS: readonly (readonly [Kind, string])[] = [
  ['case', 'Cases'],
  ['generation', 'Images of earlier years'],
  ['habit', 'Commands and packages of sealos 1 to 3'],
  ['taking over', 'Clusters of sealos 5'],
  ['defect', 'Defects of the first sealos that are not here'],
];

function formatRow({ promised, ran, missing, passed }: Proven): string {
  const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
  const shown = ran.map(
    ({ file, name }) =>
      `${cell(name.replace(/^(?:case|defect|generation|habit|taking over) \d+: /, ''))} ([${fileName(file)}](../${file}))`,
  );
  const text = [...shown, ...missing.map((name) => `**missing**: ${cell(name)}`)].join('<br>') || '**no test**';
  return `| ${promised.number} | ${cell(promised.about)} | ${text} | ${passed ? 'pass' : '**FAIL**'} |`;
}

const fileName = (path: string) => path.slice(path.lastIndexOf('/') + 1).replace('.test.ts', '');
