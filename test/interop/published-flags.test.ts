// The command lines of published pipelines, of buildah's and podman's users and of sealos' own documentation (sealos-interop.md §1.1-1.7,
// cluster-image-layout.md §4): each is taken as it is written. What they then do is tested where that is at home.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openStore } from '@sealos/image';
import { programFor, withoutDebug } from '../../packages/cli/src/command-line.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage } from '../support/images.ts';
import { runSealos } from '../support/run-sealos.ts';

const SEALOS = new URL('../../sealos', import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'sealos-published-flags-'));

before(async () => {
  await using store = await openStore(join(work, 'store'));
  await makeImage(store, { name: 'localhost/app:1', compression: 'gzip', layers: [[file('a', 'b')]] });
});
after(() => rmSync(work, { recursive: true, force: true }));

type Command = Awaited<ReturnType<typeof programFor>>['program'];

interface Understood {
  readonly name: string;
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

/** Parses a command line as the program does, but carries nothing out. */
async function understand(line: string): Promise<Understood | undefined> {
  const { program, words } = await programFor(withoutDebug(line.split(' ')).words);
  let understood: Understood | undefined;
  const quieten = (command: Command): void => {
    command.configureOutput({ writeErr: () => {}, outputError: () => {} });
    if (command.commands.length === 0) {
      command.action(() => {
        understood = { name: command.name(), words: command.args, options: command.opts() };
      });
    }
    for (const child of command.commands) quieten(child);
  };
  quieten(program);
  const environment = { ...process.env };
  try {
    await program.parseAsync([...words], { from: 'user' });
  } finally {
    process.env = environment; // --root and the like are put there
  }
  return understood;
}

const accepted: Readonly<Record<string, readonly string[]>> = {
  build: [
    'build -t r/a:build-1 --isolation=chroot --platform linux/amd64 -f Kubefile .',
    'build --label=a=b --label=image=x --env=K=V --env=A=b -t x:build-1 --platform linux/amd64 .',
    'build --platform linux/amd64 --compress --no-hosts .',
    'build --from a --build-context b=c --build-context d=docker://e --unsetenv f --unsetlabel g .',
    'build -t a -m 5 --save-image --all --debug .',
    'build-using-dockerfile -t a --max-pull-procs=5 --save-image=true --pull --build-arg A=b --build-arg-file f .',
    'bud --manifest a --target s --squash --layers --no-cache --cache-from a --cache-to b --cache-ttl 1h --jobs 4 .',
    'build --pull-always --format docker --ignorefile i --timestamp 0 --creds a:b --authfile a --cert-dir b --tls-verify=false .',
    'build --quiet --rm --force-rm=false --retry 3 --retry-delay 2s --skip-unused-stages=false --omit-history --annotation a=b .',
    'build --cpu-period 1 --cpu-quota 1 -c 1 --cpuset-cpus 1 --cpuset-mems 1 --memory 1g --memory-swap 2g --shm-size 64m --ulimit a=1 .',
    'build --cgroup-parent a --cgroupns host --ipc host --pid host --uts host --userns host --userns-uid-map 0:0:1 --runtime crun .',
    'build -v /a:/b:ro --ssh default --ssh a=b .',
    'build --network host --dns 1.1.1.1 --http-proxy=false --arch arm64 --os linux --variant v8 --secret id=a,src=b -D .',
  ],
  'several images as one, and as directories': [
    'merge --platform linux/amd64 -t N --label a=b A B C',
    'merge -t N --isolation chroot --layers --save-image=false --pull -m 5 --all A B',
    'create --short --platform linux/amd64 A',
    'create -c default -e A=b A',
    'diff --diff-type image -o json A B',
    'diff --patch -t N --save --arch arm64 --os linux --variant v8 A B',
    'from --name n --pull A',
    'mount --json',
    'umount --all',
    'rm --all',
    'containers -a --json -n -q --notruncate',
    'ls --no-trunc --format {{.ContainerID}}',
    'ps',
    'unshare true',
    'unshare -m a --mount b=c true',
  ],
  'images here': [
    'images',
    'images -a -f label=a --digests --no-trunc --notruncate -n --history A',
    'images --json',
    'images --format {{.Name}}:{{.Tag}}',
    'inspect -f {{.OCIv1.architecture}} -t image A',
    'tag A B C',
    'rmi -f A',
    'rmi -a',
    'rmi -p',
    'prune',
    'save -o patch-amd64.tar A',
    'save -q --format docker-archive -m --compress --uncompressed -o f A B',
    'save -t docker-archive -o f A',
    'load -i f -q',
    'load -t oci-archive --input f',
  ],
  registries: [
    'pull -a --policy ifnewer --platform linux/amd64 --retry 3 --retry-delay 2s -q --creds a:b --authfile a --cert-dir b A',
    'pull --remove-signatures --tls-verify=false --arch arm64 A',
    'push A docker://B',
    'push --all -f v2s2 -D --compression-format gzip --compression-level 3 --rm --retry 3 --retry-delay 2s --digestfile f -q A B',
    'login -u U -p P R',
    'login R -u U -p P',
    'login --debug --username U --passwd P R',
    'login -v --password-stdin -u U --authfile a --cert-dir b R',
    'login --get-login R',
    'logout -a',
    'logout R',
    'manifest create --all mf:A docker://B docker://C',
    'manifest add --all --annotation a=b --arch arm64 --os linux --variant v8 --features a --os-features b --os-version c A docker://B',
    'manifest annotate --arch arm64 A B',
    'manifest inspect A',
    'manifest push --rm --all -f v2s2 -q --digestfile d --remove-signatures A docker://A',
    'manifest remove A B',
    'manifest rm A',
    'manifest exists A',
    'registry passwd -c default -p /etc/a -f /etc/b',
    'registry passwd --cluster-name default --htpasswd-path /etc/a --cri-shim-file-path /etc/b',
    'registry save --registry-dir r --arch amd64 --max-pull-procs 5 --images a,b --tars docker-archive:/f.tar@r/n:t --all .',
    'registry sync -a --override-arch arm64 --override-os linux --override-variant v8 A B',
    'registry copy --all A B',
    'registry serve filesystem D',
    'registry serve fs D -p 0 --disable-logging=true --log-level error --pid-file f',
    'registry serve inmem',
  ],
  clusters: [
    'run labring/kubernetes:v1.29.9 labring/helm:v3.9.4 --masters 10.0.0.1 --nodes 10.0.0.2 -p secret -y',
    'run A --single --debug',
    'run A B --single -t oci-archive',
    'run A -e addresses=192.168.10.100-192.168.10.110 -e IFACE=enp6s0f0,eth.* --env c=d --config-file a,b --cmd x -f',
    'run A --masters 10.0.0.1 -u root --passwd x -i key --pk-passwd y --port 22 --cluster default --force=true',
    'gen A B --masters 10.0.0.1 -p x -o f -e a=b --cmd x --config-file f --force --single -t oci-archive',
    'apply -f Clusterfile --values a --set b=c --env d=e --config-file f',
    'apply --Clusterfile Clusterfile',
    'add --masters 10.0.0.1 --nodes 10.0.0.2 --cluster default -u root -p x -i f --pk-passwd x --port 22',
    'delete --nodes 10.0.0.1 --force --cluster default',
    'reset --force',
    'cert -c default --alt-names a,b',
    'cert --renew admin.conf --groups a',
    'status --cluster default',
    'exec -r master ls',
    'exec -c default --ips 10.0.0.1 ls pwd',
    'exec --cluster-name default ls',
    'scp -r node a /b',
    'scp --cluster-name default a /b',
  ],
  'the rest': [
    'version --debug',
    'version --short=true',
    'version -o yaml',
    'env --verbose',
    'completion bash',
    '--root /x images',
    'images --root /x',
    'images --storage-driver vfs',
    'build --storage-driver vfs -t a .',
    '--runroot /x --storage-opt a --registries-conf f --registries-conf-dir d --log-level warn --default-mounts-file f images',
    'run --cluster-root /x A',
  ],
};

for (const [what, lines] of Object.entries(accepted)) {
  test(`published command lines are taken as they are written: ${what}`, async () => {
    for (const line of lines) {
      const understood = await understand(line).catch((error: Error) => assert.fail(`${line}: ${error.message}`));
      assert.ok(understood, line);
    }
  });
}

test("help COMMAND is that command's own help", async () => {
  const asked = await runSealos(work, 'help', 'manifest', 'push');
  assert.equal(asked.status, 0);
  assert.match(asked.stdout, /^Usage: sealos manifest push .*<list>[\s\S]*--digestfile/);
  const build = await runSealos(work, 'help', 'build');
  assert.match(build.stdout, /--max-pull-procs/);
  const unknown = await runSealos(work, 'help', 'imagse');
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /unknown command 'imagse'[\s\S]*images/);
});

test('an archive whose reader goes away is no fault of sealos', () => {
  const env = { ...process.env, HOME: work, SEALOS_STORAGE: join(work, 'store') };
  const script = 'exec 3>&1; { "$0" save -q localhost/app:1; echo $? >&3; } | true';
  const { stdout, stderr } = spawnSync('bash', ['-c', script, SEALOS], { env, encoding: 'utf8' });
  assert.equal(stdout, '1\n');
  assert.equal(stderr, 'sealos: the output was not read to its end\n');
});

test('a flag with an optional value does not swallow the word behind it', async () => {
  for (const flag of ['--pull', '--save-image', '--layers', '--tls-verify', '-D']) {
    assert.deepEqual((await understand(`build ${flag} .`))?.words, ['.'], flag);
  }
  assert.equal((await understand('build --pull .'))?.options['pull'], 'always');
  assert.equal((await understand('build --pull never .'))?.options['pull'], 'never');
  assert.equal((await understand('build --save-image false .'))?.options['saveImage'], false);
  assert.equal((await understand('run A -p secret'))?.options['passwd'], 'secret');
});

test('a switch takes =true and =false', async () => {
  assert.equal((await understand('rmi --force=true A'))?.options['force'], true);
  assert.equal((await understand('rmi --force=false A'))?.options['force'], undefined);
  assert.deepEqual((await understand('exec -- ls --force=false'))?.words, ['ls', '--force=false']);
});

test('--arch, --os and --variant make a platform', async () => {
  assert.equal((await understand('pull --arch arm64 --variant v8 A'))?.options['platform'], 'linux/arm64/v8');
  assert.deepEqual((await understand('build --arch arm64 .'))?.options['platform'], ['linux/arm64']);
  await assert.rejects(understand('pull --arch arm64 --platform linux/amd64 A'), /contradict/);
});

for (const line of ['build --device a .', 'build --cpp-flag a .', 'push --encryption-key k A', 'reset --masters 10.0.0.1 --force']) {
  test(`what would give another result is refused with a hint: ${line}`, async () => {
    await assert.rejects(understand(line), (error: Error & { exitCode?: number; hint?: string }) => {
      assert.match(error.message, /^--\S+ is not known here$/);
      assert.equal(error.exitCode, 2);
      assert.ok(error.hint);
      return true;
    });
  });
}

test("push --format v2s2 sends Docker's form, and --rm removes the image afterwards", async () => {
  await using registry = await startDockerRegistry();
  const name = `${registry.address}/app:1`;
  const tagged = await runSealos(work, 'tag', 'localhost/app:1', name);
  assert.equal(tagged.status, 0, tagged.stderr);
  const digestFile = join(work, 'digest');
  const pushed = await runSealos(work, 'push', '-q', '-f', 'v2s2', '--rm', '--digestfile', digestFile, name);
  assert.equal(pushed.status, 0, pushed.stderr);
  const answer = await fetch(`http://${registry.address}/v2/app/manifests/1`, {
    headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
  });
  assert.equal(answer.headers.get('content-type'), 'application/vnd.docker.distribution.manifest.v2+json');
  assert.equal(answer.headers.get('docker-content-digest'), readFileSync(digestFile, 'utf8'));
  const left = await runSealos(work, 'images', '--root', join(work, 'store'), '--format', '{{.Name}}:{{.Tag}}');
  assert.equal(left.stdout, 'localhost/app:1\n');
});
