/** `RUN --mount` with its variables replaced. */
export type MountSpec =
  | { readonly type: 'bind'; readonly from?: string; readonly source: string; readonly target: string; readonly writable: boolean }
  | {
      readonly type: 'cache';
      readonly id: string;
      readonly from?: string;
      readonly source: string;
      readonly target: string;
      readonly writable: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly type: 'tmpfs'; readonly target: string; readonly bytes?: number }
  | {
      readonly type: 'ssh';
      readonly id: string;
      /** Undefined: `/run/buildkit/ssh_agent.N`. */
      readonly target?: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly type: 'secret';
      readonly id: string;
      /** Undefined: only the variable. */
      readonly target?: string;
      readonly variable?: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** Reads `type=bind,source=a,target=/b`. Returns what is wrong as a text. Relative targets are below `workdir`. */
export function parseMount(text: string, workdir: string): MountSpec | string {
  const fields = new Map<string, string>();
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    fields.set((equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase(), equals < 0 ? 'true' : field.slice(equals + 1));
  }
  const type = fields.get('type') ?? 'bind';
  const known = FIELDS[type];
  if (known === undefined) return `a mount of type '${type}' is not known: bind, cache, tmpfs, secret or ssh`;
  const strange = [...fields.keys()].find((name) => name !== 'type' && !known.includes(name));
  if (strange !== undefined) return `a mount of type ${type} knows no '${strange}'`;
  const first = (...names: readonly string[]) => names.map((name) => fields.get(name)).find((value) => value !== undefined);
  const written = first('target', 'dst', 'destination');
  const target = written === undefined ? undefined : written.startsWith('/') ? written : `${workdir}/${written}`;
  if (target === undefined && type !== 'secret' && type !== 'ssh') return `a mount of type ${type} needs a target`;
  const numbers = { uid: first('uid') ?? '0', gid: first('gid') ?? '0', mode: first('mode') ?? DEFAULT_MODES[type] ?? '0400' };
  if (!/^\d{1,10}$/.test(numbers.uid) || !/^\d{1,10}$/.test(numbers.gid)) return 'uid and gid of a mount are numbers';
  if (!/^[0-7]{1,5}$/.test(numbers.mode)) return `mode=${numbers.mode} is not an octal mode`;
  const owner = { uid: Number(numbers.uid), gid: Number(numbers.gid), mode: Number.parseInt(numbers.mode, 8) };
  const from = first('from');
  const source = first('source', 'src') ?? '.';
  const isTrue = (value: string | undefined) => value !== undefined && value !== 'false' && value !== '0';
  const isReadOnly = isTrue(first('ro', 'readonly'));
  const isWritable = isTrue(first('rw', 'readwrite'));
  if (type === 'bind') return { type, ...(from === undefined ? {} : { from }), source, target: target ?? '', writable: isWritable };
  if (type === 'cache') {
    const id = first('id') ?? target ?? '';
    return { type, id, ...(from === undefined ? {} : { from }), source, target: target ?? '', writable: !isReadOnly, ...owner };
  }
  if (type === 'tmpfs') {
    const size = first('size', 'tmpfs-size');
    if (size !== undefined && !/^\d{1,15}$/.test(size)) return `size=${size} is not a number of bytes`;
    return { type, target: target ?? '', ...(size === undefined ? {} : { bytes: Number(size) }) };
  }
  if (type === 'ssh') {
    const id = first('id') ?? 'default';
    return { type, id, ...(target === undefined ? {} : { target }), required: isTrue(first('required')), ...owner };
  }
  const id = first('id') ?? target?.split('/').at(-1);
  if (id === undefined || id === '') return 'a secret needs an id';
  const variable = first('env');
  const file = target ?? (variable === undefined ? `/run/secrets/${id}` : undefined);
  return {
    type: 'secret',
    id,
    ...(file === undefined ? {} : { target: file }),
    ...(variable === undefined ? {} : { variable }),
    required: isTrue(first('required')),
    ...owner,
  };
}

const DEFAULT_MODES: Readonly<Record<string, string>> = { cache: '0755', ssh: '0600' };

const PLACE = ['target', 'dst', 'destination'];
const SOURCE = ['from', 'source', 'src', 'ro', 'readonly', 'rw', 'readwrite'];
const OWNER = ['uid', 'gid', 'mode'];
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  // The last ones say how other builders share and label a mount: here it is private and nothing is labelled.
  bind: [...PLACE, ...SOURCE, 'z', 'relabel', 'bind-propagation'],
  cache: [...PLACE, ...SOURCE, ...OWNER, 'id', 'sharing', 'z'],
  tmpfs: [...PLACE, 'size', 'tmpfs-size'],
  secret: [...PLACE, ...OWNER, 'id', 'required', 'env'],
  ssh: [...PLACE, ...OWNER, 'id', 'required'],
};
