import type { Environment } from '../cluster/cluster.ts';
import { raw, type Script, script, secret } from '../host/script.ts';
import { isSecretKey, isShellName } from './environment.ts';

export interface GuestOptions {
  /** Runs every command whatever the ones before it did, and ends with the last one's status: what sealos 4.3 and later do. */
  readonly keepGoing?: boolean | undefined;
}

/**
 * Expands an element of ENTRYPOINT or CMD: `$(V)`, `${V}` and `$V` of known keys become their values, raw, so that several words stay
 * several. `$$` before a name, `(` or `{` is one `$`, left for the shell. All else stays as written: unknown names, `${V:-x}`,
 * `$(date)`, `$?`, `\$V`.
 */
export function expandCommand(line: string, env: Environment): string {
  const pattern =
    /\\\$|\$\$(?=[A-Za-z_({])(?<escaped>[A-Za-z_]\w*|[({])|\$\((?<round>[^()]*)\)|\$\{(?<curly>[^{}]*)\}|\$(?<bare>[A-Za-z_]\w*)/g;
  return line.replace(pattern, (...match) => {
    const written: string = match[0];
    const groups: Readonly<Record<string, string | undefined>> = match.at(-1);
    if (groups['escaped'] !== undefined) return written.slice(1);
    const key = groups['round'] ?? groups['curly'] ?? groups['bare'];
    return (key === undefined ? undefined : env.get(key)) ?? expandInside(written, env);
  });
}

/** A lifecycle script: exports, then `bash LABEL` in `cwd`. The label is shell text of the image: `init.sh $registryDomain && bash b.sh`. */
export function scriptLine(label: string, env: Environment, cwd: string): Script {
  return script`${exports(env)}{
cd ${cwd} && bash ${raw(label)}
} </dev/null
`;
}

/**
 * An image's commands in `cwd`: each its own subshell there, so that none sees another's `cd`, and the first that fails ends the script
 * with its status after a line on stderr that says which. `eval` keeps the text out of the process list and a syntax error in its element.
 */
export function guestScript(commands: readonly string[], env: Environment, cwd: string, { keepGoing = false }: GuestOptions = {}): Script {
  const lines = commands.map((command, index) => {
    const where = `sealos: command ${index + 1} of ${commands.length} ended with status`;
    const last = raw(keepGoing ? 'status=$s' : 'exit $s');
    return script`( cd ${cwd} && eval ${expandCommand(command, env)} ) </dev/null; s=$?
if [ $s -ne 0 ]; then echo ${where} $s >&2; ${last}; else status=0; fi
`;
  });
  return script`${exports(env)}set +e; status=0
${join(lines)}exit $status
`;
}

/** Every variable that a shell can hold, each value one quoted word; in the map's order. */
function exports(env: Environment): Script {
  return join(
    [...env]
      .filter(([key]) => isShellName(key))
      .map(
        ([key, value]) => script`export ${raw(key)}=${isSecretKey(key) && value !== '' ? secret(value) : value}
`,
      ),
  );
}

function join(scripts: readonly Script[]): Script {
  return {
    kind: 'script',
    text: scripts.map(({ text }) => text).join(''),
    secrets: scripts.flatMap(({ secrets }) => secrets),
  };
}

/** `$(kubectl get pods -n $(NAMESPACE))` and `${V:-$(NAME)}`: what is not a key itself may hold some. */
function expandInside(written: string, env: Environment): string {
  if (written.length < 4 || (!written.startsWith('$(') && !written.startsWith('${'))) return written;
  return written.slice(0, 2) + expandCommand(written.slice(2, -1), env) + written.slice(-1);
}
