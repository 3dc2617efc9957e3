// Every form in which a manifest names an image, with what is to be found: `NAME@LINE`, with `?` before it when it is a guess.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familiarName } from '../reference.ts';
import { findInTemplate } from './find-in-template.ts';
import { findInText } from './find-in-text.ts';
import type { Mention } from './mention.ts';
import { readReference } from './reference-text.ts';
import { decodeText } from './text-file.ts';

const SHA = `sha256:${'0123456789abcdef'.repeat(4)}`;

const shown = (mentions: readonly Mention[]) =>
  mentions.map(({ text, line, certainty }) => {
    const reference = readReference(text);
    return `${certainty === 'seeming' ? '?' : ''}${reference === undefined ? `!${text}` : familiarName(reference)}@${line ?? ''}`;
  });

type Form = readonly [title: string, text: string, expected: readonly string[]];

const POD_SPECS: readonly Form[] = [
  ['a pod', 'kind: Pod\nspec:\n  containers:\n  - name: a\n    image: nginx:1.25\n', ['nginx:1.25@5']],
  ['a name without a tag', 'spec:\n  containers:\n  - image: nginx\n', ['nginx:latest@3']],
  ['quotes, double', 'spec: {containers: [{image: "quay.io/a/b:1"}]}', ['quay.io/a/b:1@1']],
  ['quotes, single', "spec:\n  containers:\n  - image: 'quay.io/a/b:1'\n", ['quay.io/a/b:1@3']],
  ['a comment behind the value', 'spec:\n  containers:\n  - image: a/b:1 # not c/d:2\n', ['a/b:1@3']],
  ['a comment in place of a line', 'spec:\n  containers:\n  # - image: c/d:2\n  - image: a/b:1\n', ['a/b:1@4']],
  ['folded text', 'spec:\n  containers:\n  - image: >-\n      nginx:1.25\n', ['nginx:1.25@3']],
  ['image first in its item', 'containers:\n- image: a/b:1\n  name: x\n', ['a/b:1@2']],
  ['blank before the colon', 'containers:\n- image : a/b:1\n', ['a/b:1@2']],
  ['quoted keys', '"containers":\n- "image": a/b:1\n', ['a/b:1@2']],
  ['init containers', 'spec:\n  initContainers:\n  - image: a/init:1\n  containers:\n  - image: a/b:1\n', ['a/init:1@3', 'a/b:1@5']],
  ['ephemeral containers', 'spec:\n  ephemeralContainers:\n  - image: a/debug:1\n', ['a/debug:1@3']],
  ['a digest', `spec:\n  containers:\n  - image: a/b@${SHA}\n`, [`a/b@${SHA}@3`]],
  ['tag and digest', `spec:\n  containers:\n  - image: quay.io/a/b:1@${SHA}\n`, [`quay.io/a/b:1@${SHA}@3`]],
  ['a registry with a port', 'spec:\n  containers:\n  - image: reg.example:5000/a/b:1\n', ['reg.example:5000/a/b:1@3']],
  [
    'a cron job',
    'kind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          containers:\n          - image: a/b:1\n',
    ['a/b:1@8'],
  ],
  ['several documents', 'kind: Service\n---\ncontainers:\n- image: a/b:1\n---\ncontainers: [{image: c/d:2}]\n', ['a/b:1@4', 'c/d:2@6']],
  [
    'a document behind a comment',
    '--- # first\ncontainers: [{image: a/b:1}]\n...\n---\ncontainers: [{image: c/d:2}]\n',
    ['a/b:1@2', 'c/d:2@5'],
  ],
  ['a document that begins behind its mark', '--- {containers: [{image: a/b:1}]}\n', ['a/b:1@1']],
  [
    'a List',
    'kind: List\nitems:\n- kind: Pod\n  spec:\n    containers:\n    - image: a/b:1\n- kind: Pod\n  spec: {containers: [{image: c/d:2}]}\n',
    ['a/b:1@6', 'c/d:2@8'],
  ],
  ['JSON', '{"kind":"Pod","spec":{"containers":[{"image":"a\\/b:1"}]}}', ['a/b:1@1']],
  ['JSON with tabs', '{\n\t"spec": {\n\t\t"containers": [\n\t\t\t{"image": "a/b:1"}\n\t\t]\n\t}\n}\n', ['a/b:1@4']],
  ['an anchor and its alias', 'x: &i quay.io/a/b:1\ncontainers:\n- image: *i\n', ['quay.io/a/b:1@3']],
  ['an anchor on the value', 'containers:\n- image: &i quay.io/a/b:1\n- image: *i\n', ['quay.io/a/b:1@2', 'quay.io/a/b:1@3']],
  ['a merge', 'base: &b\n  image: a/b:1\ncontainers:\n- <<: *b\n  name: x\n', ['a/b:1@2', 'a/b:1@2']],
  ['Windows line ends', 'containers:\r\n- image: a/b:1\r\n- image: "c/d:2"\r\n', ['a/b:1@2', 'c/d:2@3']],
  ['a byte order mark', '\uFEFFcontainers:\n- image: a/b:1\n', ['a/b:1@2']],
  ['no newline at the end', 'containers:\n- image: a/b:1', ['a/b:1@2']],
  ['a key twice', 'containers:\n- image: a/b:1\n  image: c/d:2\n', ['a/b:1@2', 'c/d:2@3']],
  ['a tag of YAML', 'containers:\n- image: !!str a/b:1\n', ['a/b:1@2']],
  ['a placeholder', 'containers:\n- image: <yours>\n', ['!<yours>@2']],
  ['a template that stayed', 'containers:\n- image: "{{ .Values.image }}"\n', ['!{{ .Values.image }}@2']],
  ['null and empty', 'containers:\n- image:\n- image: null\n- image: ~\n- image: ""\n', []],
  ['a number', 'containers:\n- image: 1.10\n', ['1.10:latest@2']],
  ['one document that is broken', 'a: [\n---\ncontainers: [{image: a/b:1}]\n---\n\timage: c/d:2\n', ['a/b:1@3', 'c/d:2@5']],
];

const SETTINGS: readonly Form[] = [
  ['RELATED_IMAGE', 'env:\n- name: RELATED_IMAGE_WEB\n  value: quay.io/a/b:1\n', ['quay.io/a/b:1@3']],
  ['a variable that ends with IMAGE', 'env:\n- {name: CSI_IMAGE, value: "registry.k8s.io/sig/csi:v1"}\n', ['registry.k8s.io/sig/csi:v1@2']],
  ['a variable IMAGE_URL', 'env:\n- {name: IMAGE_URL, value: "quay.io/a/b:1"}\n', ['quay.io/a/b:1@2']],
  ['value before name', 'env:\n- value: quay.io/a/b:1\n  name: SIDECAR_IMAGE\n', ['quay.io/a/b:1@2']],
  ['a name without host', 'env:\n- {name: SIDECAR_IMAGE, value: "busybox:1.36"}\n', ['?busybox:1.36@2']],
  [
    'a variable that says nothing',
    'env:\n- {name: SIDECAR, value: "quay.io/a/b:v1"}\n- {name: URL, value: "http://a.b/c:1"}\n',
    ['?quay.io/a/b:v1@2'],
  ],
  [
    'variables that are about images',
    'env:\n- {name: IMAGE_PULL_POLICY, value: always}\n- {name: IMAGE_TAG, value: "v1"}\n- {name: IMAGE_REGISTRY, value: quay.io/a}\n',
    [],
  ],
  [
    'addresses',
    'env:\n- {name: A, value: "localhost:8080"}\n- {name: B, value: "db:5432"}\n- {name: C, value: "svc/x:80"}\n- {name: D, value: "127.0.0.1/x:80"}\n',
    [],
  ],
  ['a flag that says image', 'args:\n- --sidecar-image=quay.io/x/y:1\n- --v=2\n', ['?quay.io/x/y:1@2']],
  ['a flag and its value apart', 'args: ["--proxy-image", "x/y:1", "--port", "80"]\n', ['?x/y:1@1']],
  ['one dash', 'args:\n- -image=busybox:1\n', ['?busybox:1@2']],
  [
    'a flag that does not',
    'args:\n- --config-reloader=quay.io/x/reloader:v0.1\n- --listen=0.0.0.0:80\n- --dir=/a/b:/c\n',
    ['?quay.io/x/reloader:v0.1@2'],
  ],
  ['a list in a flag', 'args: ["--images=a/b:1,quay.io/c/d:2"]\n', ['?a/b:1@1', '?quay.io/c/d:2@1']],
  ['a word without tag', 'args: ["--image=latest", "--image-gc-high-threshold=85"]\n', []],
  [
    'a script',
    'command:\n- sh\n- -c\n- |\n  # crictl pull quay.io/not/this:1\n  crictl pull quay.io/x/y:1\n  sed s/a/b:v1/ f\n',
    ['?quay.io/x/y:1@6'],
  ],
  ['a script with quotes', 'command: [sh, -c, "IMG=\'quay.io/x/y:1\'; run"]\n', ['?quay.io/x/y:1@1']],
  [
    'an address in an argument',
    'args: ["--etcd=https://a.example/b:1", "http://x/y:2", "--upstream=svc.ns/path:8080"]\n',
    ['?svc.ns/path:8080@1'],
  ],
  [
    'settings of a custom resource',
    'kind: X\nspec:\n  sidecarImage: quay.io/a/b:1\n  web:\n    image: c/d:2\n',
    ['quay.io/a/b:1@3', 'c/d:2@5'],
  ],
  ['an image that may be no container', 'kind: VirtualMachine\nspec:\n  image: ubuntu-22.04\n', ['?ubuntu-22.04:latest@3']],
  ['pictures', 'spec:\n  image: https://example.org/logo.png\n  icon: {image: "data:image/png;base64,AA=="}\n', []],
  ['a list of images', 'spec:\n  images:\n  - quay.io/a/b:1\n  - c/d:2\n', ['quay.io/a/b:1@3', '?c/d:2@4']],
  [
    "an operator's ConfigMap",
    'kind: ConfigMap\ndata:\n  sidecar-image: quay.io/a/b:1\n  defaultImage: c/d:2\n  other: quay.io/e/f:3\n  url: a/b/c\n',
    ['quay.io/a/b:1@3', '?c/d:2@4', '?quay.io/e/f:3@5'],
  ],
  [
    'annotations',
    'metadata:\n  annotations:\n    containerImage: quay.io/a/b:1\n    note: quay.io/c/d:1\n    last: |\n      {"spec":{"containers":[{"image":"e/f:0"}]}}\n      more\n',
    ['quay.io/a/b:1@3'],
  ],
];

const PAIRS: readonly Form[] = [
  ['repository and tag', 'image:\n  repository: quay.io/a/b\n  tag: v1\n', ['?quay.io/a/b:v1@2']],
  ['registry as well', 'image:\n  registry: ghcr.io\n  repository: a/b\n  tag: "1"\n', ['?ghcr.io/a/b:1@3']],
  ['a number as tag', 'image: {repository: a/b, tag: 1.10}\n', ['?a/b:1.10@1']],
  ['a digest', `image: {repository: a/b, digest: "${SHA}"}\n`, [`?a/b@${SHA}@1`]],
  ['tag and digest', `image: {repository: a/b, tag: v1, digest: "${SHA}"}\n`, [`?a/b:v1@${SHA}@1`]],
  ['a registry that is in the repository too', 'image: {registry: quay.io, repository: ghcr.io/a/b, tag: v1}\n', ['?ghcr.io/a/b:v1@1']],
  ['an empty registry', 'image: {registry: "", repository: a/b, tag: v1}\n', ['?a/b:v1@1']],
  ['image beside tag', 'node:\n  image: quay.io/a/b\n  tag: v1\n', ['?quay.io/a/b:v1@2']],
  ['a whole image beside a tag', 'spec:\n  image: quay.io/a/b:v1\n  tag: release\n', ['quay.io/a/b:v1@2']],
  ['repository, image and tag', 'spec: {repository: quay.io/team, image: app, tag: v1}\n', ['?quay.io/team/app:v1@1']],
  ['a repository of charts or of git', 'spec: {repository: "https://charts.example.org", version: 1}\n---\nspec: {repository: a/b}\n', []],
];

const TEXTS: readonly Form[] = [
  [
    'a pod in a ConfigMap',
    'kind: ConfigMap\ndata:\n  pod.yaml: |\n    kind: Pod\n    spec:\n      containers:\n      - image: a/b:1\n',
    ['a/b:1@7'],
  ],
  [
    'a template in a ConfigMap',
    'kind: ConfigMap\ndata:\n  t: |\n    {{ if .X }}\n    image: a/b:1\n    image: {{ .Y }}\n    {{ end }}\n',
    ['a/b:1@5'],
  ],
  ['JSON in a ConfigMap', 'data:\n  x.json: |\n    {"spec":\n      {"containers": [{"image": "a/b:1"}]}}\n', ['a/b:1@4']],
  [
    "a chart's values in an object",
    'kind: HelmChart\nspec:\n  valuesContent: |-\n    image:\n      repository: quay.io/a/b\n      tag: v1\n',
    ['?quay.io/a/b:v1@5'],
  ],
  [
    'several documents in a text',
    'data:\n  all: |\n    containers: [{image: a/b:1}]\n    ---\n    containers: [{image: c/d:2}]\n',
    ['a/b:1@3', 'c/d:2@5'],
  ],
  ['placeholders in a text', 'data:\n  x: |\n    containers:\n    - image: <yours>\n    - image: $(IMAGE)\n', []],
];

const SCHEMAS: readonly Form[] = [
  [
    'openAPIV3Schema',
    'kind: CustomResourceDefinition\nspec:\n  versions:\n  - schema:\n      openAPIV3Schema:\n        default: {image: a/b:1}\n        description: |\n          image: c/d:2\n    name: v1\n  conversion:\n    image: e/f:3\n',
    ['e/f:3@11'],
  ],
  ['openAPIV3Schema in JSON', '{"spec":{"openAPIV3Schema":{"example":{"image":"a/b:1"}}}}', []],
  [
    'properties',
    'validation:\n  properties:\n    image: {type: string, default: "a/b:1", example: "quay.io/a/b:1"}\n    spec:\n      description: x\n      default: {containers: [{image: a/b:1}]}\n',
    [],
  ],
  ['a field that is called properties', 'spec:\n  properties:\n    image: a/b:1\n', ['a/b:1@3']],
];

for (const [group, forms] of Object.entries({ POD_SPECS, SETTINGS, PAIRS, TEXTS, SCHEMAS })) {
  test(`forms of images: ${group.toLowerCase().replace('_', ' ')}`, () => {
    for (const [title, text, expected] of forms) {
      assert.deepEqual(shown(findInText(decodeText(Buffer.from(text)), 'x.yaml')), expected, title);
    }
  });
}

test('a UTF-16 file, as Windows writes them, is read', () => {
  const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('containers:\r\n- image: a/b:1\r\n', 'utf16le')]);
  assert.deepEqual(shown(findInText(decodeText(bytes), 'x.yaml')), ['a/b:1@2']);
});

test('templates: lines without braces, both sides of an if, defaults and loops; halves of names are guesses', () => {
  const forms: readonly Form[] = [
    ['lines', '{{ if .A }}\nimage: "a/b:1"\n{{ else }}\nimage: c/d:2\n{{ end }}\n', ['a/b:1@2', 'c/d:2@4']],
    ['a default', 'containers:\n- image: {{ default "quay.io/a/b" .repo }}:{{ default "v1" .tag }}\n', ['?quay.io/a/b:v1@']],
    ['a loop', 'containers:\n{{ range list "x" "y" }}\n- image: quay.io/a/{{ . }}:1\n{{ end }}\n', ['?quay.io/a/x:1@', '?quay.io/a/y:1@']],
    ['an argument', 'args:\n- --sidecar-image=quay.io/a/b:1\n- --n={{ .N }}\n', ['?quay.io/a/b:1@2']],
    ['half a name', 'containers:\n- image: {{ .registry }}/a/b:1\n', []],
    ['not a template at all', 'image: a/b:1\n{{ end }}\n', ['a/b:1@1']],
    ['a variable that lacks', 'image: a/b:1\nx: {{ required .X }}\n', ['a/b:1@1']],
  ];
  for (const [title, text, expected] of forms) assert.deepEqual(shown(findInTemplate(text, 'x.yaml.tmpl')), expected, title);
});

test('a document of nothing but aliases, or nested without end, ends', () => {
  const laughs = Array.from(
    { length: 30 },
    (_, level) =>
      `x${level}: &x${level}\n  <<: [${Array(9)
        .fill(`*x${Math.max(0, level - 1)}`)
        .join(', ')}]\n  image${level}: a\n`,
  );
  assert.deepEqual(findInText(laughs.join(''), 'x.yaml').length <= 40_000, true);
  assert.deepEqual(findInText(`image: ${'['.repeat(20_000)}`, 'x.yaml'), []);
  assert.deepEqual(shown(findInText('a: &a\n  <<: *a\n  image: a/b:1\n', 'x.yaml')).at(-1), 'a/b:1@3');
});
