import { SealosError } from '@sealos/image';
import type { Address, Host } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import { atLeast } from '../kubeadm/version.ts';
import type { HostLayout } from '../layout.ts';
import type { Step, StepContext } from '../step.ts';
import { writeMarker } from '../steps/marker.ts';
import { isPartDone, partHash, partMarker, type UpgradeTarget } from './progress.ts';

export interface NodeUpgradeInput {
  readonly layout: HostLayout;
  readonly seat: Address;
  readonly address: Address;
  readonly node: string;
  readonly controlPlane: boolean;
  readonly needs: readonly string[];
  readonly target: UpgradeTarget;
  /** The image's scripts that bring its container runtime and its programs, as steps; they are run whatever their records say. */
  readonly scripts: readonly Step[];
  readonly hostOf: (address: Address) => Host;
}

/** Flags of kubelet that are no more, and the version that first refuses them. */
const GONE = [
  { flag: 'network-plugin', since: '1.24' },
  { flag: 'container-runtime', since: '1.27' },
  { flag: 'pod-infra-container-image', since: '1.27' },
] as const;

/** Names of the flags that a kubelet of this version does not start with. */
export function goneKubeletFlags(version: string): readonly string[] {
  return GONE.filter(({ since }) => atLeast(version, since)).map(({ flag }) => flag);
}

const KUBELET_FLAG_FILES = ['/var/lib/kubelet/kubeadm-flags.env', '/var/lib/kubelet/kubelet-flags.env'] as const;

/** Bash that takes flags with their values out of files of kubelet's arguments; a file that has none of them is not touched. */
export function withoutFlags(flags: readonly string[], files: readonly string[]): Script {
  return script`for file in ${files}; do
  [ -f "$file" ] || continue
  cp -p "$file" "$file.new" || exit
  for flag in ${flags.map((flag) => `--${flag}`)}; do sed -i -E "s/(^|[ \\"'])$flag=[^ \\"']*/\\1/g" "$file.new" || exit; done
  if cmp -s "$file" "$file.new"; then rm -f "$file.new"; else mv -f "$file.new" "$file"; fi
done`;
}

const SECONDS_TO_BE_READY = 300;

/**
 * The host's own part of one node's upgrade, while it is drained: container runtime, kubelet, kubectl and kubeadm of the new version, and
 * the kubelet started anew. Ends when the node is ready with the new version, a control plane with its static pods of that version.
 */
export function nodeUpgradeStep(input: NodeUpgradeInput): Step {
  const { layout, node, target } = input;
  return {
    id: `node ${input.address.ip}`,
    title: `upgrading kubelet and container runtime of ${node}`,
    hosts: [input.address],
    needs: input.needs,
    async check(host, { signal }) {
      const done = await isPartDone(host, layout, target, 'node', signal);
      return done ? 'done' : { what: `install container runtime, kubelet, kubectl and kubeadm of ${target.to}, and start them anew` };
    },
    async apply(host, context) {
      const { signal, onLine } = context;
      for (const step of input.scripts) await step.apply(host, context);
      await host.run(
        script`${withoutFlags(goneKubeletFlags(target.to), KUBELET_FLAG_FILES)}
systemctl daemon-reload && systemctl restart kubelet.service`,
        { title: 'starting the new kubelet', signal, onLine, timeout: 120_000 },
      );
      await waitUntilReady(input, host, context);
      await host.run(writeMarker(layout, partMarker(target, 'node'), partHash(target)), { title: 'recording the upgrade', signal });
    },
  };
}

/**
 * Waits for the node's new version and, on a control plane, for its components: they serve, out of the new images. The kubelet tells a
 * static pod's readiness up to a minute and a half after it was started itself, so that it is not the only witness.
 */
async function waitUntilReady(input: NodeUpgradeInput, host: Host, { signal, onLine }: StepContext): Promise<void> {
  const { node, target, controlPlane } = input;
  const state = 'jsonpath={.status.nodeInfo.kubeletVersion} {.status.conditions[?(@.type=="Ready")].status}';
  const pods =
    'jsonpath={range .items[*]}{.metadata.labels.component} {.spec.containers[0].image} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  const kubectl = script`kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=10s`;
  // Images' tags have no `+`.
  const ready = script`tag=${target.to.replaceAll('+', '_')}
deadline=$((SECONDS + ${SECONDS_TO_BE_READY}))
count() { awk -v tag=":$tag" -v ready="$1" '$1 ~ /^kube-(apiserver|controller-manager|scheduler)$/ && substr($2, length($2) - length(tag) + 1) == tag && (ready == "" || $3 == ready)' <<<"$pods" | wc -l; }
listens() { timeout 2 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1" 2>/dev/null; }
serves() { [ "$(${kubectl} get --raw /readyz 2>/dev/null)" = ok ] && listens 10257 && listens 10259; }
while :; do
  state=$(${kubectl} get node ${node} -o ${state} 2>&1)
  pods=
  if [ "$state" = ${`${target.to} True`} ]; then
    if [ ${controlPlane ? 'yes' : 'no'} = no ]; then exit 0; fi
    pods=$(${kubectl} -n kube-system get pods --field-selector ${`spec.nodeName=${node}`} -l tier=control-plane -o ${pods} 2>&1)
    if [ "$(count True)" -ge 3 ]; then exit 0; fi
    if [ "$(count '')" -ge 3 ] && serves; then exit 0; fi
  fi
  if [ "$SECONDS" -ge "$deadline" ]; then printf '%s\n' "$state" "$pods" >&2; exit 1; fi
  sleep 1
done`;
  const { exitCode, stderr } = await (controlPlane ? host : input.hostOf(input.seat)).run(ready, {
    title: `waiting until ${node} is ready with ${target.to}`,
    signal,
    allowFailure: true,
    timeout: (SECONDS_TO_BE_READY + 60) * 1000,
  });
  if (exitCode === 0) return;
  const { stdout } = await host.run(script`journalctl --no-pager --lines=10 --output=cat --unit=kubelet.service`, {
    title: "reading kubelet's log",
    signal,
    allowFailure: true,
    timeout: 30_000,
  });
  for (const line of stdout.trim().split('\n')) onLine(line);
  throw new SealosError(
    'node-not-ready',
    `${host.name}: node ${node} is not ready with ${target.to} after ${SECONDS_TO_BE_READY} s: ${stderr.trim()}`,
    { hint: `see \`journalctl -u kubelet\` on ${host.name}; run the same command again to go on` },
  );
}
