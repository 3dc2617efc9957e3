// Config documents, from the Clusterfile's text to the files on a host: this machine, in a directory of the test's own. Needs root.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStore, type Store, type TarEntry } from '../../packages/image/src/index.ts';
import { parseConfigFile } from '../../packages/runtime/src/cluster/clusterfile.ts';
import { executePlan } from '../../packages/runtime/src/execute.ts';
import type { Host } from '../../packages/runtime/src/host/host.ts';
import { openLocalHost } from '../../packages/runtime/src/host/local.ts';
import { hostLayout } from '../../packages/runtime/src/layout.ts';
import { configOverlays } from '../../packages/runtime/src/run/config-overlays.ts';
import { loadImage } from '../../packages/runtime/src/run/load-image.ts';
import { configFilesStep } from '../../packages/runtime/src/steps/config-files.ts';
import { layersStep } from '../../packages/runtime/src/steps/layers.ts';
import { directory, file, makeImage, symlink, withDirectory } from '../support/images.ts';

const signal = AbortSignal.timeout(120_000);
const address = { ip: '127.0.0.1', port: 22 };

interface ConfigText {
  readonly name: string;
  readonly path: string;
  readonly data: string;
  readonly match?: string;
  readonly strategy?: string;
}

/** A stream of Configs; JSON is YAML. */
const stream = (...configs: readonly ConfigText[]) =>
  configs
    .map(({ name, ...spec }) => JSON.stringify({ apiVersion: 'apps.sealos.io/v1beta1', kind: 'Config', metadata: { name }, spec }))
    .join('\n---\n');
const parsed = (...configs: readonly ConfigText[]) => parseConfigFile(stream(...configs), { name: 'Clusterfile' }).configs;

const rootfsLabels = { Labels: { 'sealos.io.type': 'rootfs', 'sealos.io.version': 'v1beta1', version: 'v1.29.9' } };
const patchLabels = { Labels: { 'sealos.io.type': 'patch' } };

async function makeImages(store: Store): Promise<void> {
  const make = (name: string, config: object, ...layers: readonly (readonly TarEntry[])[]) => makeImage(store, { name, config, layers });
  await make('localhost/k8s:1', rootfsLabels, [
    directory('etc'),
    file('etc/plain.yaml', 'a: 1 # kept\nb: 2\n'),
    file('etc/kubeadm.yml', 'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nclusterName: image\n'),
    file('etc/hosts.toml.tmpl', 'server = "{{ .registryDomain }}"\n'),
    file('etc/covered', 'rootfs'),
    file('scripts/init.sh', 'echo\n', { mode: 0o644 }),
    file('statics/untouched', 'x'),
    file('registry/docker/x', 'blob'),
  ]);
  await make('localhost/patch:1', patchLabels, [file('etc/covered', 'patch')]);
  await make('localhost/app:1', {}, [
    file('config.yml', stream({ name: 'defaults', path: 'charts/values.yaml', strategy: 'merge', data: 'own: default\nport: 1\n' })),
    directory('charts'),
    file('charts/values.yaml', 'port: 80 # of the server\nname: app\n'),
    file('manifests/a.yaml.tmpl', 'old: {{ .colour }}\n'),
    symlink('link', '/etc'),
    symlink('charts/pointer', '/etc/passwd'),
  ]);
}

interface Bench {
  readonly host: Host;
  /** Lays the layers and these Configs on the host; returns how many steps had something to do. */
  readonly apply: (configs: ReturnType<typeof parsed>, colour?: string) => Promise<number>;
  readonly rootfs: string;
  readonly workdir: string;
  readonly markers: string;
  readonly store: Store;
}

async function onBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  await withDirectory(async (root) => {
    await using store = await openStore(join(root, 'store'));
    await makeImages(store);
    await using host = await openLocalHost({ address, signal });
    const layout = hostLayout('test', root);
    await work({
      host,
      store,
      rootfs: layout.rootfs,
      workdir: layout.workdir('app-1'),
      markers: layout.markers,
      async apply(configs, colour = 'red') {
        const images = [];
        for (const name of ['localhost/k8s:1', 'localhost/patch:1', 'localhost/app:1']) {
          images.push(
            await loadImage(store, name, {
              platform: { os: 'linux', architecture: 'amd64' },
              pull: () => Promise.reject(new Error('nothing is pulled here')),
              configs,
              signal,
            }),
          );
        }
        const planned = images.map((image) => image.planned);
        const environment = () =>
          new Map([
            ['colour', colour],
            ['apiPassword', 'hunter22'],
          ]);
        const overlays = configOverlays({ layout, images, hosts: [address], master0: address, environment });
        const steps = [
          layersStep({ layout, hosts: [address], images: planned, master0: address, registryHost: address, architectures: new Map() }),
          configFilesStep({ ...overlays, needs: ['layers'] }),
        ];
        return (await executePlan({ steps }, () => host, { onEvent: () => {}, signal })).changed;
      },
    });
  });
}

const read = (...parts: readonly string[]) => readFileSync(join(...parts), 'utf8');

test("a Config's files reach the rootfs and the application's directory; what no Config names is as the image has it", () =>
  onBench(async ({ apply, rootfs, workdir }) => {
    const configs = parsed(
      { name: 'a', path: 'etc/plain.yaml', strategy: 'merge', match: 'localhost/k8s:1', data: 'b: 3\n' },
      { name: 'b', path: 'charts/values.yaml', strategy: 'merge', match: 'localhost/app:1', data: 'port: 8080\n' },
      { name: 'c', path: 'manifests/a.yaml.tmpl', strategy: 'append', match: 'localhost/app:1', data: 'new: {{ .colour }}' },
      { name: 'd', path: 'etc/covered', match: 'localhost/k8s:1', data: 'config' },
      { name: 'e', path: 'scripts/mine.sh', match: 'localhost/k8s:1', data: '#!/bin/sh\n' },
      { name: 'f', path: 'extra/secret', match: 'localhost/app:1', data: 'password: hunter22\n' },
      { name: 'g', path: 'manifests/new.yaml.tmpl', match: 'localhost/app:1', data: 'x: {{ upper .colour }}\n' },
    );
    assert.equal(await apply(configs), 2);
    assert.equal(read(rootfs, 'etc/plain.yaml'), 'a: 1 # kept\nb: 3\n');
    assert.equal(read(workdir, 'charts/values.yaml'), 'port: 8080 # of the server\nname: app\nown: default\n');
    assert.equal(read(workdir, 'manifests/a.yaml'), 'old: red\n\nnew: red');
    assert.equal(read(workdir, 'manifests/new.yaml'), 'x: RED\n');
    assert.equal(read(rootfs, 'etc/covered'), 'patch', 'a patch lies on what was changed below it');
    assert.equal(statSync(join(rootfs, 'scripts/mine.sh')).mode & 0o777, 0o755);
    assert.equal(statSync(join(workdir, 'extra/secret')).mode & 0o777, 0o600);
    assert.equal(read(rootfs, 'statics/untouched'), 'x');
    assert.ok(!readdirSync(join(rootfs, 'etc')).includes('hosts.toml'), "the rootfs' templates are rendered with each host's files");
    assert.equal(await apply(configs), 0, 'a second run has nothing to do');
  }));

test('a changed Config is written again, one that is gone gives the image its file back', () =>
  onBench(async ({ apply, rootfs, workdir, markers }) => {
    const value = (data: string) => ({ name: 'v', path: 'charts/values.yaml', match: 'localhost/app:1', data });
    const made = { name: 'm', path: 'manifests/new.yaml.tmpl', match: 'localhost/app:1', data: 'x: 1\n' };
    const shared = { name: 's', path: 'etc/plain.yaml', match: 'localhost/k8s:1', data: 'mine\n' };
    await apply(parsed(value('one'), made, shared));
    assert.equal(read(workdir, 'charts/values.yaml'), 'one');
    assert.equal(await apply(parsed(value('two'), made, shared)), 1);
    assert.equal(read(workdir, 'charts/values.yaml'), 'two');
    // An image's script may edit its files in place: a run that changes nothing leaves that alone.
    writeFileSync(join(rootfs, 'etc/plain.yaml'), 'edited');
    assert.equal(await apply(parsed(value('two'), made, shared)), 0);
    assert.equal(read(rootfs, 'etc/plain.yaml'), 'edited');
    // Killed right after the list was written: the next run knows all the same what to put back.
    rmSync(join(markers, 'config-files'));
    assert.equal(await apply(parsed(value('three'))), 1);
    assert.equal(read(rootfs, 'etc/plain.yaml'), 'a: 1 # kept\nb: 2\n');
    assert.equal(await apply([]), 1);
    assert.equal(
      read(workdir, 'charts/values.yaml'),
      'port: 1 # of the server\nname: app\nown: default\n',
      "the image's own config.yml stays",
    );
    assert.deepEqual(readdirSync(join(workdir, 'manifests')), ['a.yaml.tmpl']);
    assert.equal(await apply([]), 0);
  }));

test('a Config changes what kubeadm and the templates are given', () =>
  onBench(async ({ store }) => {
    const configs = parsed(
      { name: 'k', path: 'etc/kubeadm.yml', strategy: 'merge', match: 'localhost/k8s:1', data: 'clusterName: mine\n' },
      { name: 't', path: 'etc/hosts.toml.tmpl', strategy: 'insert', match: 'localhost/k8s:1', data: '# {{ .x }}' },
      { name: 'r', path: 'etc/registry.yml', match: 'localhost/k8s:1', data: 'domain: mine.hub\n' },
      { name: 'p', path: 'statics/audit-policy.yml', match: 'localhost/k8s:1', data: 'x' },
    );
    const options = { platform: { os: 'linux', architecture: 'amd64' }, pull: () => Promise.reject(new Error('no')), signal };
    const image = await loadImage(store, 'localhost/k8s:1', { ...options, configs });
    assert.deepEqual(image.kubeadm[0]?.content, { clusterName: 'mine' });
    assert.equal(String(image.templates.get('etc/hosts.toml.tmpl')), '# {{ .x }}\nserver = "{{ .registryDomain }}"\n');
    assert.equal(String(image.settings.get('etc/registry.yml')), 'domain: mine.hub\n');
    assert.equal(image.hasAuditPolicy, true);
    const plain = await loadImage(store, 'localhost/k8s:1', options);
    assert.equal(plain.overlays.size, 0);
    assert.equal(plain.hasAuditPolicy, false);
  }));

for (const [path, message] of [
  ['link/passwd', "Config x: link/passwd cannot be written, 'link' is a symbolic link in localhost/app:1"],
  ['charts/pointer', "Config x: charts/pointer cannot be written, 'charts/pointer' is a symbolic link in localhost/app:1"],
  ['charts', "Config x: charts cannot be written, 'charts' is a directory in localhost/app:1"],
  ['charts/values.yaml/x', "Config x: charts/values.yaml/x cannot be written, 'charts/values.yaml' is a file in localhost/app:1"],
] as const) {
  test(`a Config for ${path} does not get past the image's own files`, () =>
    onBench(async ({ apply }) => {
      await assert.rejects(apply(parsed({ name: 'x', path, match: 'localhost/app:1', data: '' })), { message, exitCode: 2 });
    }));
}
