import { parseArgs } from 'node:util';
import { parseDuration } from './duration.ts';
import { type Endpoint, parseEndpoint } from './endpoint.ts';
import { CareError } from './error.ts';

export interface HealthOptions {
  readonly scheme: 'http' | 'https';
  readonly path: string;
  readonly method: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Status codes that mean well; none: 200 to 399. */
  readonly statuses: readonly number[];
  /** Milliseconds that a server has to answer; never more than the interval allows. */
  readonly timeout: number;
  readonly verify: boolean;
  /** PEM file of the authorities that may sign the servers' certificates. */
  readonly caFile: string | undefined;
  /** The name that the certificate must hold; by default the server's IP. */
  readonly serverName: string | undefined;
}

export interface CareOptions {
  readonly vs: Endpoint;
  readonly rs: readonly Endpoint[];
  readonly scheduler: string;
  /** Whether the virtual address gets its route. */
  readonly route: boolean;
  /** This node's address; undefined: to be looked up. */
  readonly nodeIp: string | undefined;
  readonly backend: 'auto' | 'ipvs' | 'nftables';
  readonly runOnce: boolean;
  readonly clean: boolean;
  /** Milliseconds. */
  readonly interval: number;
  readonly health: HealthOptions;
  readonly debug: boolean;
}

/** Every flag, its default, and whether it is a switch. The names are those of the guard that existing manifests call. */
const FLAGS = {
  vs: { fallback: '' },
  rs: { fallback: '', many: true },
  scheduler: { fallback: 'rr' },
  iface: { fallback: 'lvscare' },
  mode: { fallback: 'route' },
  ip: { fallback: '' },
  backend: { fallback: 'auto' },
  'run-once': { fallback: 'false', isSwitch: true },
  clean: { fallback: 'false', isSwitch: true },
  interval: { fallback: '5s' },
  masqueradebit: { fallback: '0' },
  'health-path': { fallback: '/healthz' },
  'health-schem': { fallback: 'https' },
  'health-req-method': { fallback: 'GET' },
  'health-req-body': { fallback: '' },
  'health-req-headers': { fallback: '', many: true },
  'health-status': { fallback: '', many: true },
  'health-insecure-skip-verify': { fallback: 'true', isSwitch: true },
  'health-timeout': { fallback: '10s' },
  'health-ca': { fallback: '' },
  'health-server-name': { fallback: '' },
  logger: { fallback: 'INFO' },
} as const satisfies Record<string, { readonly fallback: string; readonly many?: true; readonly isSwitch?: true }>;

type Flag = keyof typeof FLAGS;
const SHORT: Readonly<Record<string, Flag>> = { i: 'iface', C: 'clean' };
const SCHEDULERS = ['rr', 'lc', 'dh', 'sh', 'wrr', 'wlc'];

/** The flags' texts: from the command line, else from `CARE_<FLAG>` (upper case, `_` for `-`), else the default. */
function readFlags(args: readonly string[], env: NodeJS.ProcessEnv): (flag: Flag) => string {
  // A switch may be written alone or with a value (`--run-once=false`), which parseArgs does not know.
  const isSwitch = (word: string) => Object.entries(FLAGS).some(([name, flag]) => 'isSwitch' in flag && word === `--${name}`);
  const words = args.map((word) => (word === '-C' ? '--clean=true' : isSwitch(word) ? `${word}=true` : word));
  const options = Object.fromEntries(
    Object.keys(FLAGS).map((name) => {
      const short = Object.entries(SHORT).find(([, long]) => long === name)?.[0];
      return [name, { type: 'string' as const, multiple: true as const, ...(short === undefined ? {} : { short }) }];
    }),
  );
  let values: Readonly<Record<string, readonly string[] | undefined>>;
  try {
    ({ values } = parseArgs({ args: words, options, strict: true, allowPositionals: false }));
  } catch (error) {
    throw new CareError(error instanceof Error ? error.message : String(error), 2);
  }
  return (flag) => {
    const given = values[flag];
    if (given !== undefined) return 'many' in FLAGS[flag] ? given.join(',') : (given.at(-1) ?? '');
    return env[`CARE_${flag.toUpperCase().replaceAll('-', '_')}`] || FLAGS[flag].fallback;
  };
}

const listOf = (text: string) => text.split(',').flatMap((part) => part.trim() || []);

function switchOf(text: string, flag: string): boolean {
  if (/^(true|t|1)$/i.test(text)) return true;
  if (/^(false|f|0)$/i.test(text)) return false;
  throw new CareError(`--${flag} is '${text}': write true or false`, 2);
}

function oneOf<T extends string>(text: string, allowed: readonly T[], flag: string): T {
  const found = allowed.find((value) => value === text);
  if (found === undefined) throw new CareError(`--${flag} is '${text}': it is ${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}`, 2);
  return found;
}

function headersOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    listOf(text).map((pair) => {
      const [, name, value] = /^([A-Za-z0-9-]+)=([^\r\n]*)$/.exec(pair) ?? [];
      if (name === undefined || value === undefined) throw new CareError(`--health-req-headers has '${pair}': write NAME=VALUE`, 2);
      return [name, value];
    }),
  );
}

function statusOf(text: string): number {
  if (!/^[1-5]\d\d$/.test(text)) throw new CareError(`--health-status has '${text}': write a status such as 200`, 2);
  return Number(text);
}

function healthOptions(flag: (name: Flag) => string): HealthOptions {
  const path = flag('health-path');
  if (!/^\/[\x21-\x7e]*$/.test(path)) throw new CareError(`--health-path is '${path}': it begins with / and holds no spaces`, 2);
  const method = flag('health-req-method');
  if (!/^[A-Za-z]+$/.test(method)) throw new CareError(`--health-req-method is '${method}': write a method of HTTP such as GET`, 2);
  return {
    scheme: oneOf(flag('health-schem'), ['http', 'https'], 'health-schem'),
    path,
    method: method.toUpperCase(),
    body: flag('health-req-body'),
    headers: headersOf(flag('health-req-headers')),
    statuses: listOf(flag('health-status')).map(statusOf),
    timeout: parseDuration(flag('health-timeout'), '--health-timeout'),
    // A file of authorities is given to be heeded.
    verify: !switchOf(flag('health-insecure-skip-verify'), 'health-insecure-skip-verify') || flag('health-ca') !== '',
    caFile: flag('health-ca') || undefined,
    serverName: flag('health-server-name') || undefined,
  };
}

/** Reads the arguments of `lvscare care`. Throws bad input (exit status 2). */
export function parseCareOptions(args: readonly string[], env: NodeJS.ProcessEnv): CareOptions {
  const flag = readFlags(args, env);
  if (flag('vs') === '') throw new CareError('--vs IP:PORT is missing: the virtual server to take care of', 2);
  const vs = parseEndpoint(flag('vs'), '--vs');
  const rs = listOf(flag('rs')).map((text) => parseEndpoint(text, '--rs'));
  const clean = switchOf(flag('clean'), 'clean');
  if (rs.length === 0 && !clean) throw new CareError('--rs IP:PORT is missing: a server behind the virtual one', 2);
  if (rs.some(({ ip }) => ip.includes(':') !== vs.ip.includes(':')))
    throw new CareError('--vs and --rs are not of one family of addresses', 2);
  return {
    vs,
    rs,
    scheduler: oneOf(flag('scheduler'), SCHEDULERS, 'scheduler'),
    // `link` put the address on a device of its own, so that it is local; the route does the same without one.
    route: oneOf(flag('mode'), ['route', 'link', ''], 'mode') !== '',
    nodeIp: flag('ip') || env['LVSCARE_NODE_IP'] || undefined,
    backend: oneOf(flag('backend'), ['auto', 'ipvs', 'nftables'], 'backend'),
    runOnce: switchOf(flag('run-once'), 'run-once'),
    clean,
    interval: parseDuration(flag('interval'), '--interval'),
    health: healthOptions(flag),
    debug: flag('logger').toUpperCase() === 'DEBG',
  };
}
