import { type Dict, dict, fn, type Instance, int, list, type Value, writeYaml } from '@sealos/template';
import picomatch from 'picomatch';
import { decodeText } from '../text-file.ts';
import type { ChartFiles } from './chart-files.ts';
import type { ValuedChart } from './values.ts';

/** The release that charts are rendered for; sealos has always called it so. */
export const RELEASE = 'dryrun';
const KUBERNETES = { version: 'v1.32.0', major: '1', minor: '32' };
// What Helm 3.17 takes for there when it asks no cluster: also groups that are gone, but no kinds of operators.
const API_VERSIONS = new Set(
  `v1 admissionregistration.k8s.io/v1 admissionregistration.k8s.io/v1alpha1 admissionregistration.k8s.io/v1beta1 apiextensions.k8s.io/v1
  apiextensions.k8s.io/v1beta1 apps/v1 apps/v1beta1 apps/v1beta2 authentication.k8s.io/v1 authentication.k8s.io/v1alpha1
  authentication.k8s.io/v1beta1 authorization.k8s.io/v1 authorization.k8s.io/v1beta1 autoscaling/v1 autoscaling/v2 autoscaling/v2beta1
  autoscaling/v2beta2 batch/v1 batch/v1beta1 certificates.k8s.io/v1 certificates.k8s.io/v1alpha1 certificates.k8s.io/v1beta1
  coordination.k8s.io/v1 coordination.k8s.io/v1alpha2 coordination.k8s.io/v1beta1 discovery.k8s.io/v1 discovery.k8s.io/v1beta1
  events.k8s.io/v1 events.k8s.io/v1beta1 extensions/v1beta1 flowcontrol.apiserver.k8s.io/v1 flowcontrol.apiserver.k8s.io/v1beta1
  flowcontrol.apiserver.k8s.io/v1beta2 flowcontrol.apiserver.k8s.io/v1beta3 internal.apiserver.k8s.io/v1alpha1 networking.k8s.io/v1
  networking.k8s.io/v1alpha1 networking.k8s.io/v1beta1 node.k8s.io/v1 node.k8s.io/v1alpha1 node.k8s.io/v1beta1 policy/v1 policy/v1beta1
  rbac.authorization.k8s.io/v1 rbac.authorization.k8s.io/v1alpha1 rbac.authorization.k8s.io/v1beta1 resource.k8s.io/v1alpha3
  resource.k8s.io/v1beta1 scheduling.k8s.io/v1 scheduling.k8s.io/v1alpha1 scheduling.k8s.io/v1beta1 storage.k8s.io/v1
  storage.k8s.io/v1alpha1 storage.k8s.io/v1beta1 storagemigration.k8s.io/v1alpha1`.split(/\s+/),
);

/** What the templates of a chart see besides `.Template`; values and files are shared by all of them. */
export function dataOf({ chart, values, charts }: ValuedChart, isRoot: boolean): Dict {
  return dict([
    ['Values', values],
    ['Chart', chartData(chart.metadata, chart.name, isRoot)],
    ['Release', release()],
    ['Capabilities', capabilities()],
    ['Files', filesData(chart.files)],
    ['Subcharts', dict(charts.map((inner) => [inner.chart.name, dataOf(inner, false)] as const))],
  ]);
}

// Go's names of the fields of Chart.yaml.
const FIELDS = new Map([
  ['apiVersion', 'APIVersion'],
  ['kubeVersion', 'KubeVersion'],
  ['appVersion', 'AppVersion'],
]);

function chartData(metadata: Dict, name: string, isRoot: boolean): Dict {
  const fields = new Map<string, Value>(
    ['Name', 'Version', 'AppVersion', 'Description', 'Type', 'KubeVersion', 'Home', 'Icon'].map((key) => [key, '']),
  );
  for (const [key, value] of metadata.entries) {
    // A version that looks like a number is one in YAML, and a text in Helm.
    const shown = typeof value === 'number' ? String(value) : value;
    fields.set(FIELDS.get(key) ?? `${key.charAt(0).toUpperCase()}${key.slice(1)}`, shown);
  }
  return dict([...fields, ['Name', name], ['IsRoot', isRoot]]);
}

function release(): Dict {
  return dict([
    ['Name', RELEASE],
    ['Namespace', 'default'],
    ['Service', 'Helm'],
    ['IsInstall', true],
    ['IsUpgrade', false],
    ['Revision', int(1)],
  ]);
}

function instance(type: string, text: string, methods: Instance['methods']): Instance {
  return { kind: 'instance', type, text, json: text, methods, native: methods };
}

function capabilities(): Dict {
  const { version, major, minor } = KUBERNETES;
  const constant = (text: string) => fn([], () => text);
  return dict([
    [
      'KubeVersion',
      instance('*chartutil.KubeVersion', version, {
        Version: constant(version),
        GitVersion: constant(version),
        String: constant(version),
        Major: constant(major),
        Minor: constant(minor),
      }),
    ],
    [
      'APIVersions',
      instance('chartutil.VersionSet', '', {
        Has: fn(['string'], (name) => API_VERSIONS.has(name)),
      }),
    ],
    [
      'HelmVersion',
      dict([
        ['Version', 'v3.16.0'],
        ['GoVersion', ''],
        ['GitCommit', ''],
      ]),
    ],
  ]);
}

/** Helm's `.Files`: a map of the chart's other files, with methods. */
function filesData(files: ChartFiles): Dict {
  const text = (path: string) => decodeText(files.get(path) ?? Buffer.alloc(0));
  const named = () => [...files].map(([path, bytes]) => [path.slice(path.lastIndexOf('/') + 1), bytes] as const);
  return {
    ...dict([...files.keys()].map((path) => [path, ''] as const)),
    methods: {
      Get: fn(['string'], text),
      GetBytes: fn(['string'], text),
      Lines: fn(['string'], (path) => list(text(path).split('\n'), 'string')),
      Glob: fn(['string'], (pattern) => filesData(matching(files, pattern))),
      AsConfig: fn([], ({ budget }) => writeYaml(dict(named().map(([name, bytes]) => [name, decodeText(bytes)] as const)), budget)),
      AsSecrets: fn([], ({ budget }) => writeYaml(dict(named().map(([name, bytes]) => [name, bytes.toString('base64')] as const)), budget)),
    },
  };
}

function matching(files: ChartFiles, pattern: string): ChartFiles {
  const matches = picomatch(pattern, { dot: true });
  return new Map([...files].filter(([path]) => matches(path)));
}
