import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseClusterfile } from './clusterfile.ts';
import { formatClusterfile, formatOwnClusterfile } from './format.ts';
import { type ClusterfileSources, checkClusterfile, readClusterfile, readConfigFiles } from './read-clusterfile.ts';

const cluster = `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: default}
spec:
  image: [labring/kubernetes:v1.29.9]
  hosts:
    - {ips: [10.0.0.11], roles: [master]}
`;

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sealos-clusterfile-'));
});
after(() => rm(directory, { recursive: true, force: true }));

async function file(name: string, text: string | Buffer): Promise<string> {
  await writeFile(join(directory, name), text);
  return join(directory, name);
}

const read = (sources: Partial<ClusterfileSources> & { location: string }) =>
  readClusterfile({ values: [], set: [], env: new Map(), configFiles: [], environment: {}, ...sources }, AbortSignal.timeout(20_000));

test('values files, --set and the environment make the Clusterfile, the later the stronger', async () => {
  const location = await file(
    'Clusterfile',
    `${cluster}  env:
    - A={{ .Values.a }}
    - B={{ .Values.b.c }}
    - D={{ index .Values.list 1 }}
    - HOME={{ env "HOME" }}
    - X={{ expandenv "$X-$HOME" }}
    - N={{ add .Values.n 1 }}
    - POD={{ ipAt "10.0.0.0/24" 5 }}
    - MISSING={{ .Values.nothing }}
`,
  );
  const { file: read1 } = await read({
    location,
    values: [await file('a.yaml', 'a: 1\nb: {c: 2, d: 3}\nn: 10000000\n'), await file('b.yaml', 'b: {c: 4}\nlist: [x, y]\n')],
    set: ['a=7'],
    env: new Map([['X', 'from --env']]),
    environment: { HOME: '/root', X: 'from the process' },
  });
  assert.deepEqual(Object.fromEntries(read1.cluster.env), {
    A: '7',
    B: '4',
    D: 'y',
    HOME: '/root',
    X: 'from --env-/root',
    N: '10000001',
    POD: '10.0.0.5',
    MISSING: '<no value>',
  });
});

test('everything that is wrong with a file is said at once, each with its line', () => {
  const text = `${cluster}    - {ips: [10.0.0.11, x], roles: [node]}
    - {ips: [10.0.0.12], roles: [node], env: [A]}
    - {ips: [10.0.0.13], roles: [worker]}
    - {ips: [10.0.0.12:23], roles: [node]}
    - {ips: [10.0.0.11], roles: [node]}
---
apiVersion: v1
kind: Pod
---
apiVersion: apps.sealos.io/v1beta1
kind: Config
spec: {path: /etc/passwd, data: 1}
`;
  assert.throws(() => checkClusterfile(text, { name: 'C' }), {
    exitCode: 2,
    message: `C: 7 things are wrong:
  C:8: document 1: 'x' is not an IP address
  C:9: document 1: env: an assignment has no '='
  C:15: document 2: kind 'Pod' is not known
  C:19: document 3: spec.data is 1, not string
  C:10: document 1: 10.0.0.13 is neither master nor node (its roles are worker)
  C:11: document 1: 10.0.0.12 is named twice
  C:12: document 1: 10.0.0.11 is named both as master and as node`,
  });
});

test('several members of the wrong kind are said at once too', () => {
  assert.throws(
    () => checkClusterfile('apiVersion: apps.sealos.io/v1beta1\nkind: Cluster\nmetadata: {name: 1}\nspec:\n  env: {}\n', { name: 'C' }),
    {
      message: /^C:3: document 1: metadata\.name is 1, not .*\n {2}C:5: document 1: spec\.env is Object, not /,
    },
  );
});

test('a cluster without a control plane and one with a bad name are refused with their lines', () => {
  assert.throws(() => checkClusterfile(cluster.replace('[master]', '[node]').replace('default', '../x'), { name: 'C' }), {
    message: /C:3: document 1: '\.\.\/x' cannot be a cluster's name\n {2}C:7: document 1: cluster \.\.\/x has no control-plane host/,
  });
});

test('misspelt members, roles and repeated names of Configs are warned of, roles of one’s own are not', async () => {
  const location = await file(
    'Warn',
    `${cluster}    - {ips: [10.0.0.12], roles: [node, gpu, workers], envs: [A=1], ssh: {password: x}}
  imagess: []
---
apiVersion: apps.sealos.io/v1beta1
kind: Config
metadata: {name: a, labels: {x: y}}
spec: {path: etc/a, stratgy: merge}
---
apiVersion: apps.sealos.io/v1beta1
kind: Config
metadata: {name: a}
spec: {path: etc/b, match: kubernetes:v1.29.9}
`,
  );
  assert.deepEqual(
    (await read({ location })).warnings.map((line) => line.replace(directory, '')),
    [
      '/Warn:9: document 1: spec.imagess is not known and has no effect',
      '/Warn:8: document 1: spec.hosts.1.envs is not known and has no effect',
      '/Warn:8: document 1: spec.hosts.1.ssh.password is not known and has no effect',
      '/Warn:14: document 2: spec.stratgy is not known and has no effect',
      "/Warn:8: document 1: role 'workers' is a name of your own; Kubernetes' own is spelt 'node'",
      "/Warn:19: document 3: 'kubernetes:v1.29.9' is no image of this cluster, as it is written there",
      "of several Configs named 'a' only the last counts: give each a metadata.name of its own",
    ],
  );
});

test('members that are not known are kept when the file is written, those that hold secrets are not', () => {
  const text = `${cluster.replace('{name: default}', '{name: default, labels: {team: a}}')}  future: {depth: [1, {apiToken: hunter22, x: y}]}
  registryPasswordNew: hunter22
status:
  observed: 7
  mounts: [{name: m, type: rootfs, imageName: i, checksum: abc}]
  conditions: [{type: T, status: "True", generation: 3}]
extra: [1]
---
apiVersion: apps.sealos.io/v1beta1
kind: Config
metadata: {name: c, annotations: {a: b}}
spec: {path: etc/a, data: x, when: always}
`;
  const read1 = parseClusterfile(text, { name: 'C' });
  const stored = formatClusterfile(read1);
  const again = parseClusterfile(stored, { name: 'C' });
  assert.equal(formatClusterfile(again), stored);
  assert.doesNotMatch(stored, /hunter22/);
  assert.deepEqual(again.cluster.unknown, {
    document: { extra: [1] },
    metadata: { labels: { team: 'a' } },
    spec: { future: { depth: [1, { x: 'y' }] } },
  });
  assert.deepEqual(again.cluster.status, read1.cluster.status);
  assert.deepEqual(again.configs, read1.configs);
  assert.match(formatOwnClusterfile(read1), /registryPasswordNew: hunter22/);
});

test("a template for hosts in a Config's data survives the rendering of the Clusterfile that is written for its author", () => {
  const [block, line] = ['a: {{ .x }}\nb: {{- if `{{`}}\n', '{{ .only "quoted" }} {{{'];
  const { file: base } = checkClusterfile(cluster, { name: 'C' });
  const configs = [block, line].map((data, index) => ({
    name: `c${index}`,
    match: '',
    path: 'etc/a.tmpl',
    strategy: 'override' as const,
    data,
  }));
  const text = formatOwnClusterfile({ ...base, configs });
  assert.deepEqual(checkClusterfile(text, { name: 'C', values: {} }).file.configs, configs);
});

test('YAML is read as Kubernetes reads it', () => {
  const { file: read1 } = checkClusterfile(
    `${cluster}---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
a: {yes: on, y: n, mode: 0644, date: 2024-01-02, time: 1:30, base: &b {x: 1}, merged: {<<: *b, y: 2}}
`,
    { name: 'C' },
  );
  assert.deepEqual(read1.kubeadm[0]?.content, {
    a: { true: true, y: 'n', mode: 420, date: '2024-01-02', time: '1:30', base: { x: 1 }, merged: { x: 1, y: 2 } },
  });
});

test('text that blows up by its aliases is refused', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d]\n`;
  assert.throws(() => checkClusterfile(bomb, { name: 'C' }), { message: /^C: Excessive alias count/, exitCode: 2 });
});

test('a Clusterfile, values and config files may come from a server; such a file does not see this process’ variables', async () => {
  const answers: Record<string, string> = {
    '/Clusterfile': `${cluster}  env: ["A={{ env "SECRET" }}{{ env "GIVEN" }}{{ .Values.v }}"]\n`,
    '/values.yaml': 'v: 3\n',
    '/config.yaml': 'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nclusterName: "{{ .Values.v }}"\n',
  };
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.headers.authorization ?? ''} ${request.url}`);
    if (request.url === '/moved') response.writeHead(302, { location: '/Clusterfile' }).end();
    else if (request.url === '/circle') response.writeHead(302, { location: '/circle' }).end();
    else response.writeHead(answers[request.url ?? ''] === undefined ? 404 : 200).end(answers[request.url ?? '']);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const base = `http://user:hunter22@127.0.0.1:${port}`;
    const { file: read1 } = await read({
      location: `${base}/moved`,
      values: [`${base}/values.yaml`],
      configFiles: [`${base}/config.yaml`],
      env: new Map([['GIVEN', 'g']]),
      environment: { SECRET: 'hunter22' },
    });
    assert.equal(read1.cluster.env.get('A'), 'g3');
    assert.deepEqual(read1.kubeadm[0]?.content, { clusterName: '3' });
    assert.ok(seen.every((line) => line.startsWith('Basic ')));
    await assert.rejects(read({ location: `${base}/nothing?token=hunter22` }), {
      message: `-f http://127.0.0.1:${port}/nothing: the file cannot be read (HTTP status 404)`,
      exitCode: 2,
    });
    await assert.rejects(read({ location: `${base}/circle` }), { message: /it is redirected in a circle/ });
  } finally {
    server.close();
  }
});

test('what cannot be read is named with its flag', async () => {
  await assert.rejects(read({ location: '/nowhere/Clusterfile' }), {
    message: '-f /nowhere/Clusterfile: the file cannot be read (ENOENT)',
    exitCode: 2,
  });
  const location = await file('ok', cluster);
  await assert.rejects(read({ location, values: ['/nowhere/v'] }), { message: /^--values \/nowhere\/v: / });
  await assert.rejects(read({ location, values: [await file('list', '- 1')] }), { message: /list: values are a YAML map$/ });
  await assert.rejects(read({ location, values: [await file('two', 'a: 1\n---\nb: 1')] }), {
    message: /two: more than one YAML document$/,
  });
  await assert.rejects(read({ location: await file('binary', Buffer.of(0xff, 0xfe, 0xfd)) }), { message: /not text in UTF-8/ });
});

test('documents of --config-file are laid over those of the Clusterfile, and a Cluster among them is refused', async () => {
  const kubeadm = 'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n';
  const location = await file('base', `${cluster}---\n${kubeadm}networking: {podSubnet: 10.1.0.0/16, serviceSubnet: 10.2.0.0/16}\n`);
  const { file: read1 } = await read({ location, configFiles: [await file('over', `${kubeadm}networking: {podSubnet: 10.3.0.0/16}\n`)] });
  assert.deepEqual(
    read1.kubeadm.map(({ content }) => content),
    [{ networking: { podSubnet: '10.3.0.0/16', serviceSubnet: '10.2.0.0/16' } }],
  );
  await assert.rejects(read({ location, configFiles: [location] }), { message: /base:1: document 1: a Cluster has no place here$/ });
  const alone = { configFiles: [], values: [], set: [], env: new Map<string, string>(), environment: {} };
  assert.deepEqual(await readConfigFiles(alone, AbortSignal.timeout(1000)), { configs: [], kubeadm: [] });
});
