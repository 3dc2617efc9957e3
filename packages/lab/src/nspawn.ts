import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { searchPath } from './command.ts';
import { LabError } from './error.ts';
import { identify, type ProcessIdentity } from './process.ts';

export interface NspawnOptions {
  readonly root: string;
  /** Its name among the machine's containers; decides the name of its link. */
  readonly machine: string;
  readonly hostname: string;
  readonly bridge: string;
  /** The machine's kernel modules, seen by hosts at the same place so that they can load what they need; undefined when it has none. */
  readonly modules?: string | undefined;
}

/** The command line of a host's systemd-nspawn (systemd-nspawn(1)). */
export function nspawnArguments(options: NspawnOptions): readonly string[] {
  return [
    'systemd-nspawn',
    '--quiet',
    // Neither machined nor the machine's systemd take part: its cgroup is ours to make, and it works without both.
    '--register=no',
    '--keep-unit',
    `--directory=${options.root}`,
    `--machine=${options.machine}`,
    `--hostname=${options.hostname}`,
    `--network-bridge=${options.bridge}`,
    '--link-journal=no',
    '--timezone=off',
    '--resolv-conf=off',
    '--console=read-only',
    // What containerd, kubelet and kube-proxy do on a server: mount, load rules, trace, read the kernel's log.
    '--capability=all',
    '--system-call-filter=@keyring bpf @raw-io perf_event_open',
    '--bind=/dev/kmsg',
    ...(options.modules === undefined ? [] : [`--bind-ro=${options.modules}`]),
    '--boot',
  ];
}

const ENVIRONMENT = {
  // /proc/sys and /sys writable, for kubelet and kube-proxy.
  SYSTEMD_NSPAWN_API_VFS_WRITABLE: '1',
  // /tmp on the disk, as on a server: by default it is a file system in memory, too small for an image.
  SYSTEMD_NSPAWN_TMPFS_TMP: '0',
};

// Enters each cgroup, then becomes systemd-nspawn. When a cgroup is gone (the lab was taken down meanwhile) nothing is started.
const ENTER = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"';

/** Starts a host in its cgroups, in a session of its own, so that it outlives this process. What its console prints goes to a file. */
export async function startNspawn(argv: readonly string[], groups: readonly string[], consoleLog: string): Promise<ProcessIdentity> {
  await using log = await open(consoleLog, 'w', 0o600);
  const child = spawn('/bin/sh', ['-c', ENTER, 'sh', ...groups, '--', ...argv], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log.fd, log.fd],
    env: { PATH: searchPath, LC_ALL: 'C', ...ENVIRONMENT },
  });
  child.on('error', () => {}); // told by the missing pid
  child.unref();
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (!identity) throw new LabError('host-not-started', `systemd-nspawn could not be started: see ${consoleLog}`);
  return identity;
}

/** Whether an SSH server answers there: it sends its version first (RFC 4253 §4.2). Waits one second at most. */
export function answersSsh(ip: string, port: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port });
    const end = (answer: boolean) => {
      signal?.removeEventListener('abort', stop);
      socket.destroy();
      resolve(answer);
    };
    const stop = () => end(false);
    signal?.addEventListener('abort', stop, { once: true });
    socket.setTimeout(1000, stop);
    socket.once('error', stop);
    socket.once('close', stop);
    socket.once('data', (data) => end(data.toString('latin1').startsWith('SSH-')));
  });
}
