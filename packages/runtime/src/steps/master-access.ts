import { posix } from 'node:path';
import { badInput } from '@sealos/image';
import type { Clusterfile, Ssh } from '../cluster/cluster.ts';
import type { Address, Host, HostFile } from '../host/host.ts';
import { knownHostsName } from '../host/known-hosts.ts';
import { type Script, script } from '../host/script.ts';
import type { Step } from '../step.ts';

/**
 * What `sealos exec` and `sealos scp` need on a control plane to reach the cluster's hosts (cluster-image-layout.md §5, case 20): the hosts'
 * names, their keys, and a key of its own. The operator's key and passwords stay where they are. Each control plane makes a key pair that
 * never leaves it, and the hosts take it from that control plane's address only, for commands and nothing else (`restrict`, sshd(8)).
 * This gives a control plane's root nothing new: with the cluster's authority it can run a privileged pod on every host anyway.
 */
export interface MasterAccessInput {
  readonly cluster: string;
  readonly masters: readonly Address[];
  /** All hosts, with the user that sealos logs in as there. */
  readonly hosts: readonly { readonly address: Address; readonly user: string }[];
  readonly hostOf: (address: Address) => Host;
  /** The text of the masters' copy of the Clusterfile, made of `clusterfileForMasters`. */
  readonly clusterfile: () => Promise<string>;
  readonly needs: readonly string[];
}

/** First line of a copy. A Clusterfile without it belongs to an operator, on a control plane too, and is never overwritten. */
export const MASTER_COPY_MARK = "# A copy for images' scripts; the state that sealos works with is its operator's.";

const ROOT_HOME = '/root';
const homeOf = (cluster: string) => posix.join(ROOT_HOME, '.sealos', cluster);
/** What another program kept on a control plane, set aside when its cluster was taken over; its name is no cluster's. */
const setAsideOf = (cluster: string) => posix.join(ROOT_HOME, '.sealos', `.${cluster}.adopted`);
const keyOf = (cluster: string) => posix.join(homeOf(cluster), 'ssh', 'id_ed25519');
const KNOWN_HOSTS = posix.join(ROOT_HOME, '.ssh', 'known_hosts');

/** The last word of every line of ours in files that are not ours. */
const markOf = (cluster: string, what: string) => `sealos:${cluster}:${what}`;

/**
 * Sets aside what sealos 5 copied to a control plane, or kept there as its operator: two programs are not to work on one cluster, and images'
 * scripts there read the Clusterfile of this one from the next change on. Returns where it lies then, undefined where there was nothing.
 */
export async function setAsideForeignHome(host: Host, cluster: string, signal: AbortSignal): Promise<string | undefined> {
  const [home, aside] = [homeOf(cluster), setAsideOf(cluster)];
  const { stdout } = await host.run(
    script`if [ -f ${`${home}/Clusterfile`} ] && [ "$(head -n 1 ${`${home}/Clusterfile`})" != ${MASTER_COPY_MARK} ]; then
  rm -rf ${aside} && mv -T ${home} ${aside} && echo moved
fi`,
    { title: "setting another program's state aside", signal },
  );
  return stdout.trim() === 'moved' ? aside : undefined;
}

/** Host settings without everything that is only on the operator: keys, passwords and the way there. */
function withoutOperators({ user, port }: Ssh): Ssh {
  return { ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port }) };
}

/** The Clusterfile as a control plane reads it: the hosts are reached with the control plane's own key. */
export function clusterfileForMasters(file: Clusterfile): Clusterfile {
  const { cluster } = file;
  const hosts = cluster.hosts.map((group) => (group.ssh === undefined ? group : { ...group, ssh: withoutOperators(group.ssh) }));
  return { ...file, cluster: { ...cluster, ssh: { ...withoutOperators(cluster.ssh), pk: keyOf(cluster.name) }, hosts } };
}

/** Keys of the control planes, the hosts that take them, and the copy of the Clusterfile; all of it undone by a reset. */
export function masterAccessSteps(input: MasterAccessInput): readonly Step[] {
  return [masterKeysStep(input), authorizeMastersStep(input), masterCopyStep(input)];
}

function masterKeysStep({ cluster, masters, needs }: MasterAccessInput): Step {
  const key = keyOf(cluster);
  const directory = posix.dirname(key);
  return {
    id: 'master-keys',
    title: 'making a key on each control plane',
    hosts: masters,
    needs,
    async check(host, { signal }) {
      const there = script`if [ -s ${key} ] && [ -s ${`${key}.pub`} ]; then echo yes; fi`;
      const { stdout } = await host.run(there, { title: 'looking for the key', signal });
      return stdout.trim() === 'yes' ? 'done' : { what: `make ${key}` };
    },
    async apply(host, { signal }) {
      const comment = markOf(cluster, host.address.ip);
      const make = script`( umask 077
mkdir -p ${directory} && rm -f ${[`${key}.new`, `${key}.new.pub`]} && ssh-keygen -q -t ed25519 -N '' -C ${comment} -f ${`${key}.new`} &&
  mv -f ${`${key}.new.pub`} ${`${key}.pub`} && mv -f ${`${key}.new`} ${key} )`;
      await host.run(make, { title: 'making a key', signal });
    },
    async undo(host, { signal }) {
      await host.run(script`rm -rf ${directory}; rmdir ${homeOf(cluster)} ${posix.dirname(homeOf(cluster))} 2>/dev/null || true`, {
        title: 'removing the key',
        signal,
      });
    },
  };
}

/** A line of authorized_keys for each control plane whose key is made. */
async function authorizedLines({ cluster, masters, hostOf }: MasterAccessInput, signal: AbortSignal): Promise<readonly string[]> {
  const lines = await Promise.all(
    masters.map(async (address) => {
      const content = await hostOf(address).readFile(`${keyOf(cluster)}.pub`, { signal });
      const [type, key] = content === undefined ? [] : Buffer.from(content).toString().split(' ');
      return type && key ? [`restrict,from="${address.ip}" ${type} ${key} ${markOf(cluster, address.ip)}`] : [];
    }),
  );
  return lines.flat();
}

function authorizeMastersStep(input: MasterAccessInput): Step {
  const { cluster, hosts, masters } = input;
  const userOf = (host: Host) => hosts.find(({ address }) => address.ip === host.address.ip)?.user ?? 'root';
  return {
    id: 'master-access',
    title: "letting the control planes' sealos in",
    hosts: hosts.map(({ address }) => address),
    needs: ['master-keys'],
    async check(host, { signal }) {
      const wanted = await authorizedLines(input, signal);
      const { stdout } = await host.run(readAuthorized(userOf(host), cluster), { title: 'reading authorized_keys', signal });
      const there = stdout.split('\n').filter((line) => line !== '');
      if (wanted.length === masters.length && wanted.join('\n') === there.join('\n')) return 'done';
      return { what: `${masters.length} key${masters.length === 1 ? '' : 's'} in authorized_keys of ${userOf(host)}` };
    },
    async apply(host, { signal }) {
      const lines = await authorizedLines(input, signal);
      await host.run(writeAuthorized(userOf(host), cluster, lines), { title: 'writing authorized_keys', signal });
    },
    async undo(host, { signal }) {
      await host.run(writeAuthorized(userOf(host), cluster, []), { title: 'cleaning authorized_keys', signal });
    },
  };
}

/** Sets `file` to the user's authorized_keys, links followed, and `uid` and `gid`. */
function findAuthorized(user: string): Script {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*\$?$/.test(user)) throw badInput('bad-user', `'${user}' is not the name of a user`);
  return script`entry=$(getent passwd ${user}) || { printf 'there is no user %s\\n' ${user} >&2; exit 1; }
IFS=: read -r _ _ uid gid _ home _ <<<"$entry"
file=$(readlink -m "$home/.ssh/authorized_keys")`;
}

/** Ends of our lines as a pattern of grep -E; cluster names hold no other special character than the dot. */
const ourLines = (cluster: string) => ` ${markOf(cluster, '').replaceAll('.', '\\.')}[0-9A-Fa-f.:]+$`;

function readAuthorized(user: string, cluster: string): Script {
  return script`( ${findAuthorized(user)}
if [ -e "$file" ]; then grep -E ${ourLines(cluster)} "$file" || true; fi )`;
}

/** Replaces our lines and keeps all others, owner and mode too; the file is new as a whole or stays as it was. */
function writeAuthorized(user: string, cluster: string, lines: readonly string[]): Script {
  return script`( set -eu
${findAuthorized(user)}
lines=${lines.map((line) => `${line}\n`).join('')}
if [ ! -e "$file" ]; then
  [ -n "$lines" ] || exit 0
  [ -d "\${file%/*}" ] || install -d -m 0700 -o "$uid" -g "$gid" "\${file%/*}"
fi
new=$(mktemp "\${file%/*}/.authorized_keys.XXXXXX")
trap 'rm -f "$new"' EXIT
if [ -e "$file" ]; then
  chown --reference="$file" "$new"; chmod --reference="$file" "$new"
  grep -vE ${ourLines(cluster)} "$file" >"$new" || [ $? = 1 ]
else
  chown "$uid:$gid" "$new"; chmod 0600 "$new"
fi
printf %s "$lines" >>"$new"
if [ -e "$file" ] && cmp -s "$new" "$file"; then exit 0; fi
sync "$new" 2>/dev/null || true
mv -f "$new" "$file"
if command -v restorecon >/dev/null; then restorecon "$file" 2>/dev/null || true; fi )`;
}

/** Lines of known_hosts with the keys that the hosts' sshd really has: they were read over connections that are verified. */
async function knownHostLines({ cluster, hosts, hostOf }: MasterAccessInput, signal: AbortSignal): Promise<readonly string[]> {
  const lines = await Promise.all(
    hosts.map(async ({ address }) => {
      const read = script`for type in ed25519 ecdsa rsa; do file=/etc/ssh/ssh_host_\${type}_key.pub; if [ -f "$file" ]; then cut -d' ' -f1,2 "$file"; fi; done`;
      const { stdout } = await hostOf(address).run(read, { title: "reading sshd's keys", signal });
      const keys = stdout.split('\n').filter((line) => line !== '');
      return keys.map((key) => `${knownHostsName(address)} ${key} ${markOf(cluster, address.ip)}`);
    }),
  );
  return lines.flat();
}

function masterCopyStep(input: MasterAccessInput): Step {
  const { cluster, masters } = input;
  const path = posix.join(homeOf(cluster), 'Clusterfile');
  const isOurs = (line: string) => line.includes(` ${markOf(cluster, '')}`);
  const textOf = async (host: Host, file: string, signal: AbortSignal) => {
    const content = await host.readFile(file, { signal });
    return content === undefined ? undefined : Buffer.from(content).toString();
  };
  /** The files that are not as they should be. */
  const outdated = async (host: Host, known: readonly string[], copy: string | undefined, signal: AbortSignal) => {
    const files: HostFile[] = [];
    const before = (await textOf(host, KNOWN_HOSTS, signal)) ?? '';
    const others = before.split('\n').filter((line) => line !== '' && !isOurs(line));
    const after = [...others, ...known].map((line) => `${line}\n`).join('');
    if (after !== before) files.push({ path: KNOWN_HOSTS, content: after, mode: 0o600 });
    const there = await textOf(host, path, signal);
    const isOperators = there !== undefined && !there.startsWith(MASTER_COPY_MARK);
    if (copy !== undefined && !isOperators && there !== copy) files.push({ path, content: copy, mode: 0o600 });
    return { files, isOperators };
  };
  const wanted = async (signal: AbortSignal) => ({
    known: await knownHostLines(input, signal),
    copy: `${MASTER_COPY_MARK}\n${await input.clusterfile()}`,
  });
  return {
    id: 'master-copy',
    title: "telling the control planes' sealos of the hosts",
    hosts: masters,
    needs: ['master-access'],
    async check(host, { signal }) {
      const { known, copy } = await wanted(signal);
      const { files } = await outdated(host, known, copy, signal);
      return files.length === 0 ? 'done' : { what: `write ${files.map((file) => file.path).join(' and ')}` };
    },
    async apply(host, { signal }) {
      const { known, copy } = await wanted(signal);
      const { files } = await outdated(host, known, copy, signal);
      const directories = [posix.dirname(KNOWN_HOSTS), homeOf(cluster)];
      await host.run(script`umask 077 && mkdir -p ${directories}`, { title: 'making directories', signal });
      await host.writeFiles(files, { title: 'writing the copy of the Clusterfile', signal });
    },
    async undo(host, { signal }) {
      const { files, isOperators } = await outdated(host, [], undefined, signal);
      const [rest] = files;
      if (rest?.content === '') await host.run(script`rm -f ${rest.path}`, { title: 'removing known_hosts', signal });
      else await host.writeFiles(files, { title: 'cleaning known_hosts', signal });
      if (!isOperators) await host.run(script`rm -f ${path}`, { title: 'removing the copy of the Clusterfile', signal });
      await host.run(script`rm -rf ${setAsideOf(cluster)}`, { title: "removing another program's state", signal });
    },
  };
}
