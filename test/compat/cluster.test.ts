// A rootfs image and application images made like those that are published, run to a real cluster of two hosts: what each case promises is
// looked up on the hosts, by OpenSSH and kubectl.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../support/until.ts';
import { clusterfile, imageOf, NASTY, openStage, type Stage } from './stage.ts';

let stage: Stage;
const DATA = '/var/lib/sealos/data/default';
const MASTER = 0;
const WORKER = 1;
const on = (index: number, command: string) => stage.on(index, command);
const wrote = (index: number, name: string) => on(index, `cat /var/lib/compat/${name}`);
const both = (command: string) => Promise.all([on(MASTER, command), on(WORKER, command)]);
const lines = (text: string) => text.trimEnd().split('\n');

const settings = ['NAMESPACE=mine', 'MORE_OPTS=--set x=y', 'addresses=10.9.0.0/24', 'protocol=bgp', 'mongoSize=1Gi', 'PASSWORD=open'];
const run = (...args: readonly string[]) => stage.sealos('run', ...args, ...stage.login);

before(async () => {
  stage = await openStage();
  const file = join(stage.work, 'Clusterfile');
  writeFileSync(file, clusterfile(stage.hosts));
  await stage.sealos('apply', '-f', file, ...stage.login);
  const names = (['helm', 'ingress', 'ovn', 'rancher', 'metallb', 'mongodb', 'mariadb', 'zot', 'coredns', 'union', 'vip'] as const).map(
    imageOf,
  );
  await run(...names, ...settings.flatMap((setting) => ['-e', setting]));
});

after(async () => {
  await stage?.[Symbol.asyncDispose]();
});

/** The calls that the rootfs' scripts wrote down, without those that a test made itself. */
async function calls(index: number): Promise<readonly { readonly script: string; readonly directory: string; readonly args: string }[]> {
  return lines(await wrote(index, 'calls')).map((line) => {
    const [script = '', directory = '', args = ''] = line.split('|');
    return { script, directory, args };
  });
}

async function environment(index: number, script: string): Promise<ReadonlyMap<string, string>> {
  return new Map(
    lines(await wrote(index, `${script}.env`)).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

test('case 1: a label is a shell line in scripts/, its variables are expanded by the shell of the host, its links run in order', async () => {
  const seen = (await calls(MASTER)).slice(0, 5);
  assert.deepEqual(
    seen.map(({ script, args }) => `${script} ${args}`.trim()),
    [
      'check.sh /var/lib/registry',
      'init-registry.sh /var/lib/registry /etc/registry',
      'init-cri.sh sealos.hub 5000',
      'init.sh',
      'init-shim.sh',
    ],
  );
  assert.deepEqual(new Set(seen.map(({ directory }) => directory)), new Set([`${DATA}/rootfs/scripts`]));
  assert.deepEqual(
    (await calls(WORKER)).slice(0, 4).map(({ script }) => script),
    ['check.sh', 'init-cri.sh', 'init.sh', 'init-shim.sh'],
  );
});

test('case 2: a rootfs without scripts of its own for the container runtime becomes a cluster whose nodes are ready', async () => {
  await until('both nodes to be ready', 180_000, async () =>
    (await on(MASTER, 'kubectl get nodes --no-headers')).match(/ Ready /g)?.length === 2 ? true : undefined,
  );
});

test('case 3: a label under the other prefix, its key in quotes, says what an image is', async () => {
  // The patch is labelled so; as an application it would have been on the first host alone.
  assert.equal(await on(WORKER, `ls ${DATA}/rootfs/etc/systemd/compat.conf`), `${DATA}/rootfs/etc/systemd/compat.conf\n`);
});

test('case 4: -e takes the place of an ENV default in CMD, in templates and in scripts; an empty default stays empty', async () => {
  const [call] = lines(await wrote(MASTER, 'helm'));
  assert.match(call ?? '', /\[-n\]\[mine\]/);
  assert.equal(await on(MASTER, "kubectl get configmap mongo -o 'jsonpath={.data.size}'"), '1Gi');
  assert.equal((await environment(WORKER, 'init.sh')).get('empty'), '');
  assert.equal((await environment(WORKER, 'init.sh')).get('greeting'), 'hello');
  assert.equal(await wrote(MASTER, 'ovn'), 'eth.*,en.*|10.16.0.0/16|--iface eth.*,en.*|2\n');
});

test('case 5: $(VAR) is put in before the shell reads the line: several words split, quotes hold, unknown ones are the shell’s', async () => {
  const year = new Date().getUTCFullYear();
  const rancher = lines(await wrote(MASTER, 'helm')).find((line) => line.includes('rancher'));
  assert.equal(
    rancher,
    '[upgrade][-i][rancher][.][--set][hostname=rancher.example][--set][externalURL=https://192.0.2.1:30003][--set][args={a=b,c=d}]' +
      `[--set][today=${year}][--kept][rancher.example]`,
  );
});

test('case 6: ENV over several lines is one value with its words apart', async () => {
  const [call] = lines(await wrote(MASTER, 'helm'));
  assert.equal(
    call,
    '[upgrade][-i][ingress][./charts/ingress][-n][mine][--create-namespace]' +
      '[--set][controller.kind=DaemonSet][--set][controller.hostNetwork=true][--set][x=y]',
  );
});

test('case 7: each element of CMD is a shell line in one directory; ENTRYPOINT comes first; the shell form is one line', async () => {
  assert.equal(await wrote(MASTER, 'metallb'), 'addresses: 10.9.0.0/24\nautoAssign: "true"\nmode: "strict"\nprotocol: bgp\npool.yaml\n');
  const helm = lines(await wrote(MASTER, 'helm'));
  assert.ok(helm.includes('[upgrade][-i][mariadb-crds][crds]'));
  assert.ok(helm.includes('[upgrade][-i][mariadb][operator][--set][ha=true]'));
  assert.deepEqual(lines(await wrote(MASTER, 'zot')).slice(-2), ['first', 'second']);
});

test('case 8: with --keep-going a command that fails does not stop the next, and the last one’s status counts; without it the image stops', async () => {
  await assert.rejects(run(imageOf('calico')), /AlreadyExists[\s\S]*command 1 of 2 ended with status 1/);
  await run(imageOf('calico'), '--keep-going');
  assert.equal(await wrote(MASTER, 'calico'), 'namespace/default\n');
});

test('case 9: helm comes from the image before, whose opt/ is reached by its relative path and put on no PATH', async () => {
  assert.equal(await on(MASTER, 'stat -c %a /usr/bin/helm'), '755\n');
  assert.equal(lines(await wrote(MASTER, 'helm')).length, 4);
  assert.equal(await on(WORKER, 'ls /usr/bin/helm 2>&1 || true'), "ls: cannot access '/usr/bin/helm': No such file or directory\n");
  const path = (await environment(MASTER, 'init.sh')).get('PATH') ?? '';
  assert.doesNotMatch(path, /opt/);
});

test('case 10: templates below etc, scripts and manifests are rendered over what lies there, charts are left alone', async () => {
  const workdir = `${DATA}/applications/mongodb-1/workdir/manifests`;
  assert.equal(await on(MASTER, `cat ${workdir}/nested/more.txt`), 'nested: 1Gi\n');
  assert.match(await on(MASTER, `cat ${workdir}/mongo.yaml`), /user: "root"\n {2}version: v1\.\d+\.\d+\n/);
  assert.equal(await wrote(MASTER, 'charts'), 'values.yaml.tmpl\n');
});

test('case 11: one template becomes another file on each host, and sees roles and the version of Kubernetes', async () => {
  const [master, worker] = await both(`cat ${DATA}/rootfs/etc/per-host`);
  const version = /version=(v1\.\d+\.\d+)/.exec(master)?.[1];
  assert.ok(version);
  const file = (roles: string, mode: string, zone: string, data: string) =>
    `roles=${roles}\nmode=${mode}\nversion=${version}\nzone=${zone}\nunset=<no value>\nruntime=${data}\n`;
  assert.equal(master, file('master,gold', 'server', 'east', '/var/lib/containerd'));
  assert.equal(worker, file('node', 'agent', 'west', '/srv/containerd'));
  assert.equal((await environment(WORKER, 'init.sh')).get('SEALOS_SYS_RUN_MODE'), 'node');
  assert.equal((await environment(WORKER, 'check.sh')).get('SEALOS_SYS_KUBE_VERSION'), version);
});

test('case 12: etc/registry.yml decides name, port, login and directory; check runs before the link is made, the logins are there before init-registry', async () => {
  // The fixture's check fails on anything at the registry's place, its init-registry without etc/registry_htpasswd.
  assert.equal(await wrote(MASTER, 'registry-data'), `${DATA}/rootfs/registry\n`);
  const [master] = stage.hosts;
  for (const hosts of await both("grep ' sealos.hub' /etc/hosts")) assert.match(hosts, new RegExp(`^${master?.ip} sealos\\.hub`));
  const status = (login: string) => on(MASTER, `curl -s -o /dev/null -w '%{http_code}' ${login} http://sealos.hub:5000/v2/`);
  assert.equal(await status('-u admin:passw0rd'), '200');
  assert.equal(await status(''), '401');
});

test('case 13: one registry has the images of the base, of the image on it and of applications, and no other host has its files', async () => {
  const catalog: { readonly repositories: readonly string[] } = JSON.parse(
    await on(MASTER, 'curl -s -u admin:passw0rd http://sealos.hub:5000/v2/_catalog'),
  );
  for (const name of ['compat/application', 'compat/rootfs', 'kube-apiserver', 'pause'])
    assert.ok(catalog.repositories.includes(name), name);
  assert.equal(await on(WORKER, `find ${DATA} -name registry -path '*rootfs/registry*' | wc -l`), '0\n');
});

test('case 14: every host pulls the pause image through the shim before init ends', async () => {
  for (const pulled of await both('tail -1 /var/lib/compat/pulled')) assert.match(pulled, /^sealos\.hub:5000\/.*pause:/);
});

test('case 15: opt/sealctl is the image’s own, or the patch’s that lies on it, and can be executed', async () => {
  for (const called of await both('cat /var/lib/compat/sealctl')) assert.equal(called, "the patch's sealctl cri socket\n");
});

test('case 16: the guard of the API’s address is a static pod of the image that the label names', async () => {
  const manifest = await on(WORKER, 'cat /etc/kubernetes/manifests/kube-sealos-lvscare.yaml');
  const [master, worker] = stage.hosts;
  assert.match(manifest, /image: sealos\.hub:5000\/sealos\/lvscare:/);
  const words = manifest.split(/\s+/).filter((word) => word !== '-' && word !== 'args:');
  const command = words.slice(words.indexOf('/usr/bin/lvscare')).join(' ');
  assert.match(command, /^\/usr\/bin\/lvscare care --vs 10\.103\.97\.2:6443 /);
  assert.ok(command.includes(` --rs ${master?.ip}:6443 `));
  assert.match(manifest, new RegExp(`name: LVSCARE_NODE_IP\\n\\s*value: ${worker?.ip}\\n`));
  assert.match(await on(WORKER, 'cat /etc/hosts'), new RegExp(`^${worker?.ip} lvscare\\.node\\.ip`, 'm'));
});

test('case 17: a patch lies on the rootfs of every host, and its CMD runs there with that host’s environment', async () => {
  const [master, worker] = await both('cat /var/lib/compat/patch /var/lib/compat/compat.conf');
  assert.equal(master, `${DATA}/rootfs yes east\nroles=master,gold yes\n`);
  assert.equal(worker, `${DATA}/rootfs yes west\nroles=node yes\n`);
  assert.equal(await on(MASTER, `ls ${DATA}/applications | grep -c patch || true`), '0\n');
});

test('case 18: Config documents of the Clusterfile, of a later one and of the image itself change files before templates are rendered', async () => {
  assert.equal(await on(MASTER, `cat ${DATA}/rootfs/etc/from-config`), 'zone east of master,gold\n');
  assert.equal(await on(WORKER, `cat ${DATA}/rootfs/etc/from-config`), 'zone west of node\n');
  assert.equal(
    await on(MASTER, `cat ${DATA}/applications/metallb-1/workdir/values.yaml`),
    'kept: 1 # of the image\nchanged: by the image itself\nadded: true\n',
  );
});

test('case 19: a derived rootfs has what its base has; its etc/kubeadm.yml lies over the defaults', async () => {
  const configuration = await on(MASTER, "kubectl -n kube-system get configmap kubeadm-config -o 'jsonpath={.data.ClusterConfiguration}'");
  assert.match(configuration, /event-ttl/);
  assert.match(configuration, /2h30m0s/);
  assert.match(configuration, /podSubnet: 100\.64\.0\.0\/10/);
  for (const kubelet of await both('cat /var/lib/kubelet/config.yaml')) assert.match(kubelet, /^maxPods: 77$/m);
});

test('case 20: an image’s scripts call sealos on the first control plane, by its name, for the cluster that runs them', async () => {
  assert.equal(await wrote(MASTER, 'vip.yaml'), 'address: 10.103.97.12\n');
  const [master, worker] = stage.hosts;
  assert.deepEqual(await both('cat /var/lib/compat/everywhere'), [`${master?.name}\n`, `${worker?.name}\n`]);
  assert.deepEqual(await both('ls /var/lib/compat | grep -cE "^(vip.yaml|masters)$" || true'), ['2\n', '0\n']);
});

test('case 21: files lie where they have always been, siblings of an application beside it', async () => {
  const [domain] = lines(await wrote(MASTER, 'coredns'));
  assert.equal(domain, 'domain: "sealos.hub"');
  assert.match(await wrote(MASTER, 'coredns'), /^read\.sh$/m);
  assert.equal(lines(await wrote(MASTER, 'zot'))[0], '../../ingress-1/workdir/charts/ingress admin open');
});

test('case 22: what check edits in rendered files reaches the container runtime', async () => {
  for (const config of await both('cat /etc/containerd/config.toml')) {
    assert.match(config, /# edited by check\.sh/);
    assert.match(config, /disable_apparmor = true/);
  }
});

test('case 23: criData moves the container runtime’s data on the host that says so', async () => {
  assert.match(await on(WORKER, 'ls /srv/containerd'), /io\.containerd\.content/);
  assert.match(await on(MASTER, 'ls /var/lib/containerd'), /io\.containerd\.content/);
});

test('case 24: scripts and programs that lost their mode run', async () => {
  const modes = await on(
    MASTER,
    `stat -c %a ${DATA}/rootfs/scripts/init-shim.sh ${DATA}/rootfs/opt/sealctl ${DATA}/rootfs/cri/image-cri-shim ${DATA}/applications/helm-1/workdir/opt/helm`,
  );
  assert.equal(modes, '755\n755\n755\n755\n');
});

test('case 26: the label version alone decides which flags kubelet gets', async () => {
  const command = await on(WORKER, "tr '\\0' ' ' < /proc/$(pidof kubelet)/cmdline");
  const minor = Number(/SEALOS_SYS_KUBE_VERSION=v1\.(\d+)/.exec(await wrote(WORKER, 'init.sh.env'))?.[1]);
  assert.equal(command.includes('--container-runtime=remote'), minor < 27);
  assert.equal(command.includes('--pod-infra-container-image=sealos.hub:5000/'), minor < 27);
  assert.match(command, /--image-service-endpoint=unix:\/\/\/var\/run\/image-cri-shim\.sock/);
});

test('defect 3: labels of an application take no script over', async () => {
  // The application coredns has labels for every script; had they counted, the steps that they name would have been run again, and failed.
  for (const index of [MASTER, WORKER]) assert.ok((await calls(index)).every(({ script }) => script !== 'steal.sh'));
  await run(imageOf('union'), '--force');
});

test('defect 4: a value with everything that a shell takes for its own reaches scripts as it is', async () => {
  for (const index of [MASTER, WORKER]) assert.equal((await environment(index, 'init.sh')).get('nasty'), NASTY);
});

test('defect 6: one host’s variables are not another’s', async () => {
  assert.equal((await environment(MASTER, 'init.sh')).get('zone'), 'east');
  assert.equal((await environment(WORKER, 'init.sh')).get('zone'), 'west');
});

test('defect 7: a host’s own variables reach the commands of applications there', async () => {
  assert.match(await wrote(MASTER, 'coredns'), /^zone east$/m);
});

test('defect 15: an image that is run again keeps its place, and none gets lost', async () => {
  const before = stage.images();
  await run(imageOf('rancher'), '--force', '-e', 'NODE_IP=192.0.2.9');
  const after = stage.images();
  assert.deepEqual(after.images, before.images);
  assert.deepEqual(after.mounts, after.images);
});

test('defect 16: that an image’s commands ended well is remembered, and they do not run again', async () => {
  const before = await wrote(MASTER, 'helm');
  await run(imageOf('rancher'));
  assert.equal(await wrote(MASTER, 'helm'), before);
});

test('defect 26: a later run without flags for SSH keeps those of the cluster', async () => {
  const [, , ...withoutKey] = stage.login;
  await stage.sealos('run', imageOf('union'), ...withoutKey);
});

test('defect 27: --cmd is for the image that is named with it, once', async () => {
  await run(imageOf('mariadb'), '--force', '--cmd', 'echo $(NAME) > /var/lib/compat/cmd');
  assert.equal(await wrote(MASTER, 'cmd'), 'mariadb\n');
  await on(MASTER, 'rm /var/lib/compat/cmd');
  await run(imageOf('union'), '--force');
  assert.equal(await on(MASTER, 'ls /var/lib/compat/cmd 2>/dev/null || echo none'), 'none\n');
});

test('defect 1: --cmd replaces the CMD of the image, and ENTRYPOINT stays', async () => {
  await run(
    imageOf('zot'),
    '--force',
    '--cmd',
    'cp order /var/lib/compat/entrypoint',
    '--cmd',
    'echo $(USERNAME) >> /var/lib/compat/entrypoint',
  );
  assert.equal(await wrote(MASTER, 'entrypoint'), 'first\nadmin\n');
});

test('defect 29: the operator reaches the API without a name that only hosts know', async () => {
  type Status = { readonly kubernetes?: { readonly nodes: readonly { readonly ready: boolean }[] } };
  // It fails while anything is not well, and on a busy machine a pod of the control plane may just be starting again.
  const status: Status = await until('status to have no problem', 120_000, async () =>
    JSON.parse(await stage.sealos('status', '-o', 'json', ...stage.login)),
  );
  assert.deepEqual(
    status.kubernetes?.nodes.map(({ ready }) => ready),
    [true, true],
  );
});

test('case 25: reset runs clean with its chain and the same environment; what is missing does no harm; the link and the directory go', async () => {
  await stage.sealos('reset', '-y', ...stage.login);
  const [master, worker] = await Promise.all([calls(MASTER), calls(WORKER)]);
  const tail = (seen: typeof master, count: number) => seen.slice(-count).map(({ script, args }) => `${script} ${args}`.trim());
  assert.deepEqual(tail(master, 3), [
    'clean.sh',
    'clean-cri.sh /var/lib/containerd',
    'clean-registry.sh /var/lib/registry /etc/registry patched',
  ]);
  assert.deepEqual(tail(worker, 2), ['clean.sh', 'clean-cri.sh /srv/containerd']);
  assert.equal((await environment(WORKER, 'clean.sh')).get('zone'), 'west');
  for (const left of await both('ls -d /var/lib/sealos /var/lib/registry /srv/containerd 2>/dev/null | wc -l')) assert.equal(left, '0\n');
});
