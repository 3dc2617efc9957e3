// The shipped images' own files: shell scripts, templates, sources, builds. What they do on real hosts is in test/cluster.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { isTemplatePath, renderTemplates } from '../../packages/runtime/src/render/render.ts';
import { ensureInstalled, unpacked } from '../../scripts/debian.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { withDirectory } from '../support/images.ts';
import { run } from '../support/programs.ts';
import { mirrorConfiguration, pushStandIns, sealos, sealosIn } from '../support/registry-images.ts';
import { archive, kubeadmImages, kubernetesRelease, serveReleases } from '../support/registry-images-releases.ts';
import { until } from '../support/until.ts';

const images = join(dirname(dirname(import.meta.dirname)), 'images');
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

interface Failure {
  readonly code: number;
  readonly stderr: string;
}

/** Runs what must fail, and says how it did. */
async function failure(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Failure> {
  const error: unknown = await run(command, args, environment).then(
    () => assert.fail(`${command} ${args.join(' ')} should fail`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Error && 'code' in error && 'stderr' in error, String(error));
  return { code: Number(error.code), stderr: String(error.stderr) };
}

before(() => ensureInstalled(['shellcheck', 'curl']));

test('shellcheck has nothing to say about any script of the images', async () => {
  const scripts = globSync(join(images, '**', '*.sh')).concat(join(images, 'shell', 'iptables-wrapper'));
  assert.ok(scripts.length > 20);
  await run('shellcheck', scripts);
});

test('every script of the kubernetes image can be executed and stops at its first error', () => {
  for (const name of readdirSync(join(images, 'kubernetes', 'scripts'))) {
    const path = join(images, 'kubernetes', 'scripts', name);
    assert.equal(statSync(path).mode & 0o111, 0o111, name);
    if (name !== 'common.sh' && name !== 'kubelet-pre-start.sh') assert.match(readFileSync(path, 'utf8'), /^set -euo pipefail$/m, name);
  }
});

const kubernetes = join(images, 'kubernetes');

/** The rendered files of the kubernetes image by name, with its own environment and what is given. */
function rendered(given: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const paths = readdirSync(kubernetes, { recursive: true, encoding: 'utf8' }).filter(isTemplatePath);
  const templates = new Map(paths.map((path) => [path, readFileSync(join(kubernetes, path))]));
  const env = new Map(
    [...readFileSync(join(kubernetes, 'Kubefile'), 'utf8').matchAll(/^(?:ENV)? +(\w+)="?([^"\s\\]*)"?/gm)].map(
      ([, key = '', value = '']) => [key, value],
    ),
  );
  assert.equal(env.get('registryDomain'), 'sealos.hub');
  for (const [key, value] of Object.entries({ sandboxImage: 'pause:3.2', ...given })) env.set(key, value);
  return new Map(renderTemplates(templates, env, '/').map(({ path, content }) => [path.slice(1), content.toString()]));
}

test('kubelet gets the flags that its version knows', () => {
  const dropIn = (version: string) =>
    rendered({ SEALOS_SYS_KUBE_VERSION: version }).get('etc/systemd/system/kubelet.service.d/10-kubeadm.conf') ?? '';
  for (const version of ['v1.20.2', 'v1.26.15']) {
    assert.match(dropIn(version), /--container-runtime=remote --pod-infra-container-image=sealos\.hub:5000\/pause:3\.2"/);
  }
  for (const version of ['v1.27.0', 'v1.35.1', 'v1.36.0-rc.1']) {
    assert.doesNotMatch(dropIn(version), /container-runtime=|pod-infra/);
    assert.match(dropIn(version), /--container-runtime-endpoint=unix:\/\/\/var\/run\/containerd\/containerd\.sock"/);
  }
});

test("containerd 1.6 reads its configuration: the cgroup driver, the registry's directory and the restricted OOM score are as asked", async () => {
  const text = rendered({ SEALOS_SYS_CGROUP_DRIVER: 'cgroupfs', SEALOS_SYS_RESTRICT_OOM_SCORE_ADJ: 'true' }).get('etc/config.toml') ?? '';
  await withDirectory(async (directory) => {
    const path = join(directory, 'config.toml');
    writeFileSync(path, text);
    const dump = await run(join(unpacked('containerd'), 'usr/bin/containerd'), ['--config', path, 'config', 'dump']);
    for (const setting of [
      /SystemdCgroup = false/,
      /restrict_oom_score_adj = true/,
      /config_path = "\/etc\/containerd\/certs\.d"/,
      /sandbox_image = "sealos\.hub:5000\/pause:3\.2"/,
      /BinaryName = "\/usr\/bin\/runc"/,
    ]) {
      assert.match(dump, setting);
    }
  });
  assert.match(rendered({}).get('etc/config.toml') ?? '', /SystemdCgroup = true/);
});

test('containerd 2 gets the sections that it knows, and no others', () => {
  const text = rendered({ containerdConfigVersion: '3' }).get('etc/config.toml') ?? '';
  assert.match(text, /^version = 3$/m);
  assert.match(text, /"io\.containerd\.cri\.v1\.images"\.pinned_images\]\n {4}sandbox = "sealos\.hub:5000\/pause:3\.2"/);
  assert.doesNotMatch(text, /grpc\.v1\.cri/);
});

test('the registry asks for a login exactly when there is a password', () => {
  assert.doesNotMatch(rendered({}).get('etc/registry_config.yml') ?? '', /htpasswd/);
  assert.match(rendered({ registryPassword: 'x' }).get('etc/registry_config.yml') ?? '', /path: \/etc\/registry\/registry_htpasswd/);
});

test('images are asked of the internet only where that is wanted', () => {
  assert.doesNotMatch(rendered({}).get('etc/hosts-default.toml') ?? '', /^server/m);
  assert.match(rendered({ registryFallback: 'false' }).get('etc/hosts-default.toml') ?? '', /^server = "http:\/\/sealos\.hub:5000"$/m);
});

test('upstream: every part of a release is downloaded, verified and put in its place (stand-ins from loopback)', async () => {
  await withDirectory(async (directory) => {
    await using releases = await serveReleases(kubernetesRelease('v1.33.4', architecture));
    const environment = { KUBERNETES_URL: releases.url, GITHUB_URL: releases.url, XDG_CACHE_HOME: join(directory, 'cache') };
    const gather = (into: string) => [join(kubernetes, 'sources', 'upstream.sh'), 'v1.33.4', architecture, join(directory, into)];
    await run('bash', gather('first'), environment);
    const have = readdirSync(join(directory, 'first'), { recursive: true, encoding: 'utf8' }).filter((path) =>
      statSync(join(directory, 'first', path)).isFile(),
    );
    assert.deepEqual(have.sort(), [
      ...['bin/crictl', 'bin/kubeadm', 'bin/kubectl', 'bin/kubelet', 'cni/bridge', 'cni/host-local', 'cri/containerd'],
      ...['cri/containerd-shim-runc-v2', 'cri/ctr', 'cri/registry', 'cri/runc', 'images/shim/DefaultImageList', 'settings'],
    ]);
    assert.equal(readFileSync(join(directory, 'first/images/shim/DefaultImageList'), 'utf8'), `${kubeadmImages.join('\n')}\n`);
    assert.match(readFileSync(join(directory, 'first/settings'), 'utf8'), /^config_version=3$/m);
    for (const path of ['bin/kubelet', 'cri/containerd', 'cri/runc', 'cni/bridge']) {
      assert.equal(statSync(join(directory, 'first', path)).mode & 0o777, 0o755, path);
    }

    // The second time only checksums are asked for: a program that is damaged now is in the cache already.
    const kubelet = `/release/v1.33.4/bin/linux/${architecture}/kubelet`;
    releases.files.set(kubelet, Buffer.from('damaged'));
    await run('bash', gather('second'), environment);

    const { stderr } = await failure('bash', gather('third'), { ...environment, XDG_CACHE_HOME: join(directory, 'empty') });
    assert.match(stderr, /kubelet is not what its checksum [0-9a-f]{64} says/);
    releases.files.delete(`${kubelet}.sha256`);
    assert.match((await failure('bash', gather('fourth'), environment)).stderr, /kubelet\.sha256 cannot be downloaded/);
  });
});

test('a version that a source does not have is refused in one line, and nothing is downloaded', async () => {
  const nowhere = { KUBERNETES_URL: 'http://127.0.0.1:9', GITHUB_URL: 'http://127.0.0.1:9' };
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['upstream.sh', 'v1.23.9', 'amd64', '/nowhere'], /too old/],
    [['upstream.sh', 'latest', 'amd64', '/nowhere'], /not a version of Kubernetes/],
    [['upstream.sh', 'v1.30.0', 'mips', '/nowhere'], /not an architecture/],
    [['debian-kubernetes.sh', 'v1.21.0'], /Debian's source is Kubernetes 1\.20/],
  ];
  for (const [[script = '', ...args], message] of cases) {
    const { code, stderr } = await failure('bash', [join(kubernetes, 'sources', script), ...args], nowhere);
    assert.equal(code, 2, script);
    assert.match(stderr, message);
    assert.equal(stderr.trim().split('\n').length, 1);
  }
});

test('the source is upstream where its releases answer, else Debian', async () => {
  const choose = async (url: string) => (await run('bash', [join(kubernetes, 'sources', 'choose.sh')], { KUBERNETES_URL: url })).trim();
  await using releases = await serveReleases(kubernetesRelease('v1.33.4', architecture));
  assert.equal(await choose(releases.url), 'upstream');
  assert.equal(await choose('http://127.0.0.1:9'), 'debian');
  releases.files.set('/release/stable.txt', Buffer.from('<html>please log in to this network</html>'));
  assert.equal(await choose(releases.url), 'debian');
});

/** Unpacks an image with skopeo and tar, programs that are not ours; whiteouts are of no concern here. */
async function unpackImage(source: string, into: string): Promise<string> {
  const layers = `${into}-layers`;
  await run('skopeo', ['copy', '-q', '--src-tls-verify=false', source, `dir:${layers}`]);
  const manifest: { readonly layers: readonly { readonly digest: string }[] } = JSON.parse(
    readFileSync(join(layers, 'manifest.json'), 'utf8'),
  );
  mkdirSync(into);
  for (const { digest } of manifest.layers) await run('tar', ['-xf', join(layers, digest.replace('sha256:', '')), '-C', into]);
  return into;
}

/** The files of a cluster image, and the container images in its registry as `path:tag`. */
async function openImage(directory: string, name: string): Promise<{ readonly root: string; readonly saved: readonly string[] }> {
  const file = join(directory, 'image.tar');
  await sealosIn(directory)('save', '-o', file, name);
  const root = await unpackImage(`oci-archive:${file}`, join(directory, 'root'));
  const repositories = join(root, 'registry/docker/registry/v2/repositories');
  const saved = globSync('**/_manifests/tags/*', { cwd: repositories }).map((path) => path.replace('/_manifests/tags/', ':'));
  return { root, saved: saved.sort() };
}

/** Calico's manifest as far as it matters here: a DaemonSet and the names of the images. The real one cannot be fetched without the internet. */
function calicoManifest(version: string): string {
  const image = (name: string) => `          image: docker.io/calico/${name}:${version}\n`;
  return `---\nkind: DaemonSet\napiVersion: apps/v1\nspec:\n  template:\n    spec:\n      containers:\n${image('cni')}${image('node')}${image('kube-controllers')}${image('node')}`;
}

for (const version of ['v3.22.1', 'v3.32.3']) {
  test(`calico ${version} is built with the images that its manifest names (stand-ins under the real names; it cannot run here)`, async () => {
    await withDirectory(async (directory) => {
      await using registry = await startDockerRegistry();
      const names = ['cni', 'kube-controllers', 'node'].map((name) => `calico/${name}:${version}`);
      await pushStandIns(
        directory,
        registry.address,
        names.map((name) => `docker.io/${name}`),
      );
      const inArchive = `release-${version}/k8s-manifests/calico.yaml`;
      await using releases = await serveReleases(
        new Map([
          [`/projectcalico/calico/${version}/manifests/calico.yaml`, Buffer.from(calicoManifest(version))],
          [
            `/projectcalico/calico/releases/download/${version}/release-${version}.tgz`,
            archive([inArchive, `release-${version}/images/calico-node.tar`], { [inArchive]: calicoManifest(version) }),
          ],
        ]),
      );
      await run('bash', [join(images, 'calico', 'build.sh'), '--version', version, '-t', `localhost/calico:${version}`], {
        SEALOS: sealos,
        SEALOS_STORAGE: join(directory, 'storage'),
        CALICO_URL: releases.url,
        GITHUB_URL: releases.url,
        CONTAINERS_REGISTRIES_CONF: mirrorConfiguration(directory, registry.address, ['docker.io']),
      });
      const { root, saved } = await openImage(directory, `localhost/calico:${version}`);
      assert.deepEqual(saved, names);
      assert.equal(readFileSync(join(root, 'images/shim/CalicoImageList'), 'utf8'), names.map((name) => `docker.io/${name}\n`).join(''));
    });
  });
}

test('whoami is compiled, built and saved by our own commands; it answers, and asks others', async () => {
  await withDirectory(async (directory) => {
    await using registry = await startDockerRegistry();
    await run('bash', [join(images, 'whoami', 'build.sh'), '--registry', registry.address, '-t', 'localhost/whoami:test'], {
      SEALOS: sealos,
      SEALOS_STORAGE: join(directory, 'storage'),
    });
    assert.deepEqual((await openImage(directory, 'localhost/whoami:test')).saved, ['whoami:1.0']);

    const program = join(await unpackImage(`docker://${registry.address}/whoami:1.0`, join(directory, 'whoami')), 'whoami');
    assert.ok(existsSync(program));
    // In a network of its own, where its port is free whatever runs here.
    const script =
      'ip link set lo up; "$0" & trap "kill $!" EXIT; until curl -sf http://127.0.0.1:8080/; do sleep 0.05; done; curl -sf "http://127.0.0.1:8080/peer?url=http://127.0.0.1:8080/"; curl -s "http://127.0.0.1:8080/peer?url=file:///etc/passwd"';
    const child = spawn('unshare', ['--net', '--kill-child', 'bash', '-c', script, program], {
      env: { ...process.env, POD_NAME: 'one', NODE_NAME: 'h1' },
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    try {
      await until('whoami to answer', 20_000, async () => (child.exitCode === null ? undefined : true));
    } finally {
      child.kill('SIGKILL');
    }
    assert.match(output, /^I am one at .* on h1; you are 127\.0\.0\.1:\d+\none hears: I am one at .*\nask for \/peer\?url=/);
  });
});

test('a build without what it needs is refused before anything is made', async () => {
  const environment = { SEALOS: sealos };
  for (const name of ['kubernetes', 'hostgw', 'whoami']) {
    const args = name === 'kubernetes' ? ['--source', 'debian'] : [];
    const { code, stderr } = await failure('bash', [join(images, name, 'build.sh'), ...args], environment);
    assert.equal(code, 2, name);
    assert.match(stderr, /--registry HOST:PORT is needed/);
  }
  const bad = await failure('bash', [join(kubernetes, 'build.sh'), '--source', 'elsewhere'], environment);
  assert.deepEqual([bad.code, /auto, debian or upstream/.test(bad.stderr)], [2, true]);
  const none = await failure('bash', [join(images, 'whoami', 'build.sh'), '--registry', 'x:1'], { SEALOS: '/nowhere/sealos' });
  assert.deepEqual([none.code, /\/nowhere\/sealos is not there/.test(none.stderr)], [2, true]);
});
