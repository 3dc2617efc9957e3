// What is to be proven, and the tests elsewhere that prove it. A test of this directory proves the promise that its name begins with
// (`case 12: …`); others are named here, and must exist and pass under exactly that name.

/** A test elsewhere: its file and its name. */
export type NamedTest = readonly [file: string, name: string];

export type Kind = 'case' | 'defect' | 'generation' | 'habit' | 'taking over';

export interface Promised {
  readonly kind: Kind;
  readonly number: number;
  readonly about: string;
  readonly tests: readonly NamedTest[];
}

const commands = 'packages/runtime/src/image-contract/commands.test.ts';
const contract = 'packages/runtime/src/image-contract/cluster-image.test.ts';
const execute = 'packages/runtime/src/execute.test.ts';
const hostsFile = 'packages/runtime/src/registry-config/hosts-file.test.ts';
const kubefile = 'packages/image/src/kubefile/parse.test.ts';
const configs = 'packages/runtime/src/cluster/apply-config.test.ts';
const own = 'test/compat/cluster.test.ts';

type Row = readonly [about: string, ...tests: readonly NamedTest[]];

/** In the order of cluster-image-layout.md §5: the first is case 1. */
const cases: readonly Row[] = [
  ['Labels are lines of shell', [commands, 'a lifecycle script ends with the status of the first link that fails']],
  [
    'Missing labels, `auth`, the version of the contract',
    [
      'test/interop/k3s.test.ts',
      'a server and an agent of k3s start with what sealos gives them, and let one another in by tokens that nobody else sees',
    ],
  ],
  ['Both prefixes of labels', [contract, 'both spellings of labels count, and sealos.io wins']],
  ['`ENV NAME=${NAME:-"x"}` and `-e`', [kubefile, 'a default is taken when the variable is not set, and may be empty']],
  [
    '`$(VAR)` in commands',
    [commands, "a command's helm $(NAME) $(HELM_OPTS) $(EMPTY) becomes helm web --set a=b --set c=d "],
    [commands, "a command's $(date +%s) becomes $(date +%s)"],
  ],
  [
    'ENV over several lines, and its old form',
    [kubefile, 'a value over several lines becomes one line'],
    [kubefile, 'the old form of ENV takes the rest of the line'],
  ],
  ['CMD is a list of lines of shell', [kubefile, 'CMD as JSON is a list of lines; broken JSON becomes a shell line']],
  ['A command that fails', [commands, 'with keepGoing all commands run and the last status counts']],
  ['`helm` of an earlier image, `opt/` by relative path'],
  [
    'Templates',
    ['packages/runtime/src/render/render.test.ts', 'templates lie below etc, scripts and manifests, at any depth, and nowhere else'],
  ],
  ['Templates for each host'],
  ['`etc/registry.yml`'],
  [
    'One registry of all images',
    ['packages/runtime/src/steps/layers.test.ts', 'an application goes to master0 alone, its container images to the registry'],
  ],
  ['The pause image on every host'],
  ['`opt/sealctl`'],
  [
    'The guard of the API, of the label `image`',
    ['packages/runtime/src/steps/api-guard.test.ts', 'the pod is the one that existing tools know, and is told what balances on its host'],
  ],
  ['Patch images', [contract, 'defaults are filled in, patches win over the rootfs, and an application cannot take a script over']],
  [
    'Config documents',
    [configs, 'override, insert and append do with bytes what they say, and make what is not there'],
    [configs, 'merge lays a map over every document, lists replaced, empty values too, new members at the end'],
  ],
  [
    'Derived images and `etc/kubeadm.yml`',
    ['packages/runtime/src/kubeadm/documents.test.ts', 'the user wins over the image, the image over the defaults'],
  ],
  ['`sealos exec` and `sealos scp` in images’ scripts'],
  ['Paths that scripts know by heart'],
  ['`check` may edit what was rendered'],
  ['`criData` and the other places'],
  ['Modes that were lost'],
  ['Cleaning'],
  ['Kubernetes before and after 1.27'],
  [
    'Images that a build finds',
    ['test/interop/build-command.test.ts', 'the images that a context names are saved, copied into the image, and served by a registry'],
  ],
  [
    'One store for several tools',
    ['test/interop/store.test.ts', 'we read what buildah commits and skopeo copies into the store, whiteouts among it'],
    ['test/interop/store.test.ts', 'skopeo and buildah read an image of ours, and buildah unpacks the same tree: gzip'],
  ],
];

/** In the order of sealos-interop.md §11. */
const defects: readonly Row[] = [
  ['`--cmd` was ignored'],
  [
    'Failures of all commands but the last were lost',
    [commands, 'the first command that fails ends an image, with its number and its status'],
  ],
  [
    'An application’s labels replaced the rootfs’ scripts',
    [contract, 'defaults are filled in, patches win over the rootfs, and an application cannot take a script over'],
  ],
  [
    'Values reached the shell without quotes',
    [commands, 'a value with every character that a shell knows reaches a lifecycle script unchanged'],
  ],
  ['The label `vip` was replaced in random order', [contract, 'a label is substituted in one pass and with the longest key first']],
  ['Templates saw the first host’s variables'],
  ['A host’s variables did not reach applications'],
  ['`apply` after a failure called it a success'],
  ['Hosts that come and leave in one call'],
  ['Hosts left without a drain'],
  [
    'Joining could hang after an error',
    [execute, 'a serial step works on one host at a time and stops at the first that fails'],
    [execute, 'after a failure the hosts at work finish, and those that wait are not begun'],
  ],
  ['Tokens that had ended were used'],
  [
    'kubeadm documents doubled their lists',
    ['test/interop/clusterfile-reference.test.ts', '§4.3, §11.13: documents that are merged again and again double nothing'],
    ['test/interop/clusterfile-reference.test.ts', "§4.3, §11.13: a user's kubeletExtraArgs stay beside the node's address"],
  ],
  [
    '`etc/kubeadm.yml` was ignored from a remote operator',
    [own, 'case 19: a derived rootfs has what its base has; its etc/kubeadm.yml lies over the defaults'],
  ],
  ['Images were lost when one was run again'],
  ['Success of images was not recorded'],
  [
    'Names of images collided in the registry',
    [
      'test/interop/saved-registry.test.ts',
      'two different images that would get one name are refused, and the same image under two hosts is not',
    ],
  ],
  ['Passwords with a colon'],
  [
    '`/etc/hosts` lost comments and lines',
    [hostsFile, 'an entry is added at the end, and every other line stays byte for byte'],
    [hostsFile, 'mode, links and the directory stay as they were'],
  ],
  [
    'Host keys, passwords and modes were not guarded',
    [
      'packages/runtime/src/host/known-hosts.test.ts',
      'where policy is strict a host that is not known is refused, and nothing is recorded',
    ],
    ['packages/runtime/src/render/render.test.ts', 'what holds a password is for root alone, what is a script may be executed'],
    ['packages/runtime/src/state/state.test.ts', 'passwords of the environment are kept beside the Clusterfile, never in it'],
    ['packages/runtime/src/registry-config/registry-config.test.ts', 'generated passwords are long, plain and differ'],
  ],
  ['`reset` ended with 0 after errors', [execute, 'undoing goes backwards, over failures, and then tells all of them']],
  ['containerd 2 got the wrong cgroup driver'],
  ['A missing `etc/registry.yml` was not told'],
  ['Clocks and names were not looked at with an even number of control planes'],
  ['All build files of a directory were joined'],
  ['A later `run` wiped how hosts are reached'],
  ['`--cmd` was kept for later images'],
  [
    'A patch could lose against the rootfs',
    [own, 'case 15: opt/sealctl is the image’s own, or the patch’s that lies on it, and can be executed'],
  ],
  ['The operator asked a name that only hosts know'],
];

/** Rootfs images of earlier years. */
const generations: readonly Row[] = [
  ['Images of 2022, which do not say `sealos.io.version`'],
  ['Images of early 2023, with `auth`, a registry that is a service, and a file of kubelet flags made of a template'],
];

/** Of sealos 1 to 3; what else of their commands is proven is in legacy.test.ts and convert.test.ts. */
const habits: readonly Row[] = [
  [
    '`sealos init` with an offline package',
    ['test/interop/legacy.test.ts', 'init converts the package and runs it, and says so without the password'],
    ['test/interop/legacy.test.ts', 'init takes a package from an http server'],
  ],
  ['The scripts of a package'],
  [
    'The images, the network and the kubeadm file of a package',
    ['test/interop/convert.test.ts', "the package's container images are in the image's registry"],
    ['test/interop/convert.test.ts', "the package's kubeadm file counts, without what is each cluster's own"],
  ],
  ['`sealos join`', ['test/interop/legacy.test.ts', 'join is add']],
  [
    '`sealos clean --node`',
    ['test/interop/legacy.test.ts', 'clean of some hosts is delete, and of all of them or --all is reset; each asks first'],
  ],
  ['`sealos clean --all`'],
];

/** Of a cluster that sealos 5 made. */
const takingOver: readonly Row[] = [
  [
    '`sealos adopt`',
    ['test/interop/adopt.test.ts', 'the Clusterfile that sealos 5 put on a control plane is found, and of several the one that is named'],
  ],
  ['`sealos status`'],
  ['`sealos cert`'],
  [
    '`sealos add`',
    [
      'test/interop/adopt.test.ts',
      'what the other program did is recorded once and for all: its scripts do not run again, and nothing else changes',
    ],
  ],
  ['`sealos delete`'],
  ['`sealos reset`'],
];

const numbered = (kind: Kind, rows: readonly Row[]): readonly Promised[] =>
  rows.map(([about, ...tests], index) => ({ kind, number: index + 1, about, tests }));

export const promises: readonly Promised[] = [
  ...numbered('case', cases),
  ...numbered('generation', generations),
  ...numbered('habit', habits),
  ...numbered('taking over', takingOver),
  ...numbered('defect', defects),
];
