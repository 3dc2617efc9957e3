import type { Command } from 'commander';

export interface CommandEntry {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly group: 'Cluster' | 'Images' | 'Servers on this machine' | 'Other' | 'Older commands';
  readonly summary: string;
  /** Neither in the help nor in completions: there for those who know it from other tools. */
  readonly isHidden?: boolean;
  readonly load: () => Promise<Command>;
}

/** Every command of the front end. A command's module is loaded only when it is called, which keeps the start short. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'run',
    group: 'Cluster',
    summary: 'Make a cluster from images, or run an application image on it',
    load: async () => (await import('./commands/run.ts')).runCommand(),
  },
  {
    name: 'apply',
    group: 'Cluster',
    summary: 'Bring a cluster to what a Clusterfile says',
    load: async () => (await import('./commands/apply.ts')).applyCommand(),
  },
  {
    name: 'plan',
    group: 'Cluster',
    summary: 'Show what apply would change',
    load: async () => (await import('./commands/apply.ts')).planCommand(),
  },
  {
    name: 'gen',
    group: 'Cluster',
    summary: 'Print the Clusterfile for images and hosts',
    load: async () => (await import('./commands/gen.ts')).genCommand(),
  },
  {
    name: 'add',
    group: 'Cluster',
    summary: 'Add hosts to a cluster',
    load: async () => (await import('./commands/add.ts')).addCommand(),
  },
  {
    name: 'delete',
    group: 'Cluster',
    summary: 'Take hosts out of a cluster',
    load: async () => (await import('./commands/delete.ts')).deleteCommand(),
  },
  {
    name: 'adopt',
    group: 'Cluster',
    summary: 'Rebuild the state of a cluster from the cluster itself',
    load: async () => (await import('./commands/adopt.ts')).adoptCommand(),
  },
  {
    name: 'reset',
    group: 'Cluster',
    summary: 'Take a cluster off its hosts',
    load: async () => (await import('./commands/reset.ts')).resetCommand(),
  },
  {
    name: 'status',
    group: 'Cluster',
    summary: 'Show how a cluster is',
    load: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  {
    name: 'clusters',
    group: 'Cluster',
    summary: 'List the clusters that were made from here',
    load: async () => (await import('./commands/clusters.ts')).clustersCommand(),
  },
  {
    name: 'logs',
    group: 'Cluster',
    summary: 'Show what was done on a cluster',
    load: async () => (await import('./commands/logs.ts')).logsCommand(),
  },
  {
    name: 'exec',
    group: 'Cluster',
    summary: "Run command lines on a cluster's hosts",
    load: async () => (await import('./commands/exec.ts')).execCommand(),
  },
  {
    name: 'scp',
    group: 'Cluster',
    summary: "Copy a file or a directory to a cluster's hosts",
    load: async () => (await import('./commands/scp.ts')).scpCommand(),
  },
  {
    name: 'cert',
    group: 'Cluster',
    summary: "Show a cluster's certificates, add names to those of its API, or renew them",
    load: async () => (await import('./commands/cert.ts')).certCommand(),
  },
  {
    name: 'etcd',
    group: 'Cluster',
    summary: "Save a cluster's data, bring it back, and see how its etcd is",
    load: async () => (await import('./commands/etcd.ts')).etcdCommand(),
  },
  {
    name: 'build',
    aliases: ['bud', 'build-using-dockerfile'],
    group: 'Images',
    summary: 'Build a cluster image from a Kubefile',
    load: async () => (await import('./commands/build.ts')).buildCommand(),
  },
  {
    name: 'convert',
    group: 'Images',
    summary: 'Make a cluster image of an offline package of sealos 1 to 3',
    load: async () => (await import('./commands/convert.ts')).convertCommand(),
  },
  {
    name: 'images',
    group: 'Images',
    summary: 'List the images on this machine',
    load: async () => (await import('./commands/images.ts')).imagesCommand(),
  },
  {
    name: 'inspect',
    group: 'Images',
    summary: "Show an image's manifest and configuration",
    load: async () => (await import('./commands/inspect.ts')).inspectCommand(),
  },
  {
    name: 'merge',
    group: 'Images',
    summary: 'Make one image of several',
    load: async () => (await import('./commands/merge.ts')).mergeCommand(),
  },
  {
    name: 'diff',
    group: 'Images',
    summary: 'Show what differs between two images, or make a patch image of it',
    load: async () => (await import('./commands/diff.ts')).diffCommand(),
  },
  {
    name: 'create',
    group: 'Images',
    summary: 'Unpack an image into a directory',
    load: async () => (await import('./commands/create.ts')).createCommand(),
  },
  {
    name: 'tag',
    group: 'Images',
    summary: 'Give an image another name',
    load: async () => (await import('./commands/tag.ts')).tagCommand(),
  },
  {
    name: 'rmi',
    group: 'Images',
    summary: 'Remove images from this machine',
    load: async () => (await import('./commands/rmi.ts')).rmiCommand(),
  },
  {
    name: 'prune',
    group: 'Images',
    summary: 'Remove what no image on this machine needs',
    load: async () => (await import('./commands/prune.ts')).pruneCommand(),
  },
  {
    name: 'pull',
    group: 'Images',
    summary: 'Fetch an image from a registry',
    load: async () => (await import('./commands/pull.ts')).pullCommand(),
  },
  {
    name: 'push',
    group: 'Images',
    summary: 'Send an image to a registry',
    load: async () => (await import('./commands/push.ts')).pushCommand(),
  },
  {
    name: 'save',
    group: 'Images',
    summary: 'Write images into one archive file',
    load: async () => (await import('./commands/save.ts')).saveCommand(),
  },
  {
    name: 'load',
    group: 'Images',
    summary: 'Read images from an archive file',
    load: async () => (await import('./commands/load.ts')).loadCommand(),
  },
  {
    name: 'store',
    group: 'Images',
    summary: 'Check and repair the store of images on this machine',
    load: async () => (await import('./commands/store.ts')).storeCommand(),
  },
  {
    name: 'manifest',
    group: 'Images',
    summary: 'Put images of several platforms under one name',
    load: async () => (await import('./commands/manifest.ts')).manifestCommand(),
  },
  {
    name: 'sign',
    group: 'Images',
    summary: "Sign images with a key of one's own, or make such a key",
    load: async () => (await import('./commands/sign.ts')).signCommand(),
  },
  {
    name: 'verify',
    group: 'Images',
    summary: 'Check the signatures of images',
    load: async () => (await import('./commands/verify.ts')).verifyCommand(),
  },
  {
    name: 'referrers',
    group: 'Images',
    summary: 'List what is attached to an image: its SBOM, its provenance',
    load: async () => (await import('./commands/referrers.ts')).referrersCommand(),
  },
  {
    name: 'login',
    group: 'Images',
    summary: 'Log in to a registry',
    load: async () => (await import('./commands/login.ts')).loginCommand(),
  },
  {
    name: 'logout',
    group: 'Images',
    summary: 'Log out of a registry',
    load: async () => (await import('./commands/logout.ts')).logoutCommand(),
  },
  {
    name: 'registry',
    group: 'Images',
    summary:
      "Save images as a registry keeps them; serve, mirror and clean registries; list and remove what is in them; change the cluster's login",
    load: async () => (await import('./commands/registry.ts')).registryCommand(),
  },
  {
    name: 'lab',
    group: 'Servers on this machine',
    summary: 'Make and remove servers on this machine, for trying things out',
    load: async () => (await import('./commands/lab.ts')).labCommand(),
  },
  {
    name: 'completion',
    group: 'Other',
    summary: 'Print a completion script for bash, zsh or fish',
    load: async () => (await import('./commands/completion.ts')).completionCommand(),
  },
  {
    name: 'env',
    group: 'Other',
    summary: 'Print the variables of the environment that sealos heeds',
    load: async () => (await import('./commands/env.ts')).envCommand(),
  },
  {
    name: 'version',
    group: 'Other',
    summary: 'Show the version',
    load: async () => (await import('./commands/version.ts')).versionCommand(),
  },
  {
    name: 'init',
    group: 'Older commands',
    summary: 'Make a cluster from an offline package: convert and run',
    load: async () => (await import('./commands/init.ts')).initCommand(),
  },
  {
    name: 'join',
    group: 'Older commands',
    summary: 'Add hosts to a cluster: add',
    load: async () => (await import('./commands/join.ts')).joinCommand(),
  },
  {
    name: 'clean',
    group: 'Older commands',
    summary: 'Take hosts out of a cluster, or remove it: delete and reset',
    load: async () => (await import('./commands/clean.ts')).cleanCommand(),
  },
  {
    name: 'config',
    group: 'Older commands',
    summary: "Print a template of kubeadm's configuration",
    load: async () => (await import('./commands/config.ts')).configCommand(),
  },
  {
    name: 'from',
    group: 'Images',
    summary: 'Unpack an image under a name, as buildah does',
    isHidden: true,
    load: async () => (await import('./commands/from.ts')).fromCommand(),
  },
  {
    name: 'containers',
    aliases: ['list', 'ls', 'ps'],
    group: 'Images',
    summary: 'List the images that are unpacked on this machine',
    isHidden: true,
    load: async () => (await import('./commands/containers.ts')).containersCommand(),
  },
  {
    name: 'mount',
    group: 'Images',
    summary: "Print where containers' files are",
    isHidden: true,
    load: async () => (await import('./commands/mount.ts')).mountCommand(),
  },
  {
    name: 'umount',
    aliases: ['unmount'],
    group: 'Images',
    summary: "Remove containers' files",
    isHidden: true,
    load: async () => (await import('./commands/mount.ts')).umountCommand(),
  },
  {
    name: 'rm',
    group: 'Images',
    summary: 'Remove containers',
    isHidden: true,
    load: async () => (await import('./commands/mount.ts')).rmCommand(),
  },
  {
    name: 'unshare',
    group: 'Images',
    summary: 'Run a command, as root',
    isHidden: true,
    load: async () => (await import('./commands/unshare.ts')).unshareCommand(),
  },
];
