// Random templates from a seed: the same seed gives the same templates, so that a failure can be run again.
import type { OracleCase } from './oracle.ts';

type Random = () => number;

// mulberry32
function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

interface Scope {
  readonly random: Random;
  readonly variables: readonly string[];
  readonly inRange: boolean;
  readonly depth: number;
  /** Only expressions that Go accepts; otherwise anything that can be written. */
  readonly tame: boolean;
}

function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}

const FIELDS = [
  '.name',
  '.count',
  '.ratio',
  '.flag',
  '.list',
  '.map',
  '.map.a',
  '.map.deep.x',
  '.missing',
  '.missing.x',
  '.nil',
  '.words',
  '.empty',
  '.',
  '$',
  '$.name',
  '$.list',
];
const LITERALS = ['1', '0', '-3', '2.5', '"text"', '""', '"a-b"', '`raw`', 'true', 'false', "'c'", '1e3', '0x10', 'nil'];
const ONE = [
  'len',
  'not',
  'print',
  'quote',
  'squote',
  'upper',
  'lower',
  'trim',
  'toString',
  'toJson',
  'toYaml',
  'int',
  'int64',
  'float64',
  'first',
  'last',
  'rest',
  'uniq',
  'sortAlpha',
  'b64enc',
  'typeOf',
  'kindOf',
  'empty',
  'html',
  'js',
  'urlquery',
  'add1',
  'ceil',
  'until',
  'list',
  'title',
  'reverse',
  'compact',
  'snakecase',
  'camelcase',
  'sha256sum',
];
const TWO = [
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
  'and',
  'or',
  'default',
  'add',
  'sub',
  'mul',
  'div',
  'mod',
  'max',
  'min',
  'index',
  'contains',
  'hasPrefix',
  'trimSuffix',
  'repeat',
  'indent',
  'trunc',
  'join',
  'splitList',
  'has',
  'append',
  'without',
  'hasKey',
  'get',
  'dict',
  'list',
  'coalesce',
  'concat',
  'cat',
  'semverCompare',
  'regexMatch',
  'regexFind',
  'addf',
  'mulf',
  'deepEqual',
  'print',
];
const THREE = ['ternary', 'replace', 'substr', 'regexReplaceAll', 'set', 'slice', 'and', 'or', 'untilStep', 'plural'];
const FORMATS = [
  '%v',
  '%d',
  '%s',
  '%q',
  '%5v|',
  '%-6v|',
  '%05d',
  '%x',
  '%T',
  '%t',
  '%.2f',
  '%#v',
  '%+v',
  '%v and %v',
  '%%',
  '%[2]v %[1]v',
  '%c',
  '%U',
  '%g',
  '%*d',
];
const TEXTS = ['a', ' ', '\n', '  x\n\t', 'é世', '"', '{', '}', '\n\n', ', ', 'key: ', '# '];
const TEMPLATES = ['one', 'two', 'one', 'two', 'one', 'absent'];

type Type = 'string' | 'int' | 'bool' | 'list' | 'map' | 'any';

const SOURCES: Readonly<Record<Type, readonly string[]>> = {
  string: ['$.name', '"text"', '"a-b"', '""', '`raw "q"`', '$.map.deep.x', '$.text', '$.version', '"é世"'],
  int: ['$.count', '1', '0', '3', '7', '-2', '0x10', '(len $.list)', '(len $.name)', '(int $.ratio)'],
  bool: ['true', 'false', '$.flag', '(not $.flag)', '(empty $.empty)'],
  list: ['$.list', '$.words', '(list 1 2 3)', '(list)', '(until 4)', '(splitList "-" "a-b-c")', '(list "x" (list 1) nil)'],
  map: ['$.map', '$.map.deep', '(dict "k" 1 "a" "z")', '(dict)', '$'],
  any: ['$.name', '$.count', '$.ratio', '$.flag', '$.list', '$.map', '$.nil', '$.missing', '1.5', '"x"', '.'],
};
// name, result, parameters
const SIGNATURES: readonly (readonly [string, Type, ...Type[]])[] = [
  ...[
    'upper',
    'lower',
    'title',
    'trim',
    'b64enc',
    'sha256sum',
    'snakecase',
    'camelcase',
    'base',
    'dir',
    'html',
    'js',
    'urlquery',
    'nospace',
  ].map((name) => [name, 'string', 'string'] as const),
  ...['quote', 'squote', 'toString', 'toJson', 'toYaml', 'print', 'typeOf', 'kindOf', 'toPrettyJson', 'cat'].map(
    (name) => [name, 'string', 'any'] as const,
  ),
  ...['eq', 'ne', 'lt', 'le', 'gt', 'ge'].flatMap((name) => [
    [name, 'bool', 'int', 'int'] as const,
    [name, 'bool', 'string', 'string'] as const,
  ]),
  ...['contains', 'hasPrefix', 'hasSuffix'].map((name) => [name, 'bool', 'string', 'string'] as const),
  ...['reverse', 'uniq', 'compact', 'rest', 'initial', 'sortAlpha'].map((name) => [name, 'list', 'list'] as const),
  ...['add', 'sub', 'mul', 'max', 'min'].map((name) => [name, 'any', 'int', 'int'] as const),
  ...['default', 'and', 'or', 'coalesce', 'deepEqual'].map((name) => [name, 'any', 'any', 'any'] as const),
  ...['first', 'last'].map((name) => [name, 'any', 'list'] as const),
  ...['indent', 'nindent', 'trunc', 'abbrev', 'wrap'].map((name) => [name, 'string', 'int', 'string'] as const),
  ['replace', 'string', 'string', 'string', 'string'],
  ['printf "%v-%5v|%-5v|%q"', 'string', 'any', 'any', 'any', 'string'],
  ['printf "%05d %x %c %s"', 'string', 'int', 'string', 'int', 'string'],
  ['join ","', 'string', 'list'],
  ['regexReplaceAll "[a-m]+"', 'string', 'string', 'string'],
  ['has', 'bool', 'any', 'list'],
  ['not', 'bool', 'any'],
  ['empty', 'bool', 'any'],
  ['semverCompare "^1.20.0 || >2"', 'bool', 'string'],
  ['append', 'list', 'list', 'any'],
  ['concat', 'list', 'list', 'list'],
  ['without', 'list', 'list', 'any'],
  ['len', 'int', 'list'],
  ['len', 'int', 'string'],
  ['int', 'int', 'any'],
  ['get', 'any', 'map', 'string'],
  ['hasKey', 'bool', 'map', 'string'],
  ['pick', 'map', 'map', 'string'],
  ['omit', 'map', 'map', 'string'],
  ['dict "n"', 'map', 'any'],
  ['merge (dict)', 'map', 'map', 'map'],
  ['ternary', 'any', 'any', 'any', 'bool'],
  ['list', 'list', 'any', 'any'],
  ['until', 'list', 'int'],
];

// An expression that Go accepts, of this type.
function typed(scope: Scope, type: Type): string {
  const { random, depth } = scope;
  if (depth <= 0 || random() < 0.35) return pick(random, SOURCES[type]);
  const fitting = SIGNATURES.filter(([, result]) => type === 'any' || result === type);
  if (fitting.length === 0) return pick(random, SOURCES[type]);
  const [name, , ...parameters] = pick(random, fitting);
  const args = parameters.map((parameter) => typed({ ...scope, depth: depth - 1 }, parameter));
  if (random() < 0.3) {
    const last = args.pop() ?? '';
    return `(${last} | ${[name, ...args].join(' ')})`;
  }
  return `(${[name, ...args].join(' ')})`;
}

function operand(scope: Scope): string {
  if (scope.tame) return typed(scope, 'any');
  const { random, variables, depth } = scope;
  const roll = random();
  if (roll < 0.4) return pick(random, FIELDS);
  if (roll < 0.65) return pick(random, LITERALS);
  if (roll < 0.75 && variables.length > 0) return pick(random, variables) + (random() < 0.2 ? '.a' : '');
  if (depth <= 0) return pick(random, LITERALS);
  const inner = `(${pipeline({ ...scope, depth: depth - 1 })})`;
  return random() < 0.1 ? `${inner}.a` : inner;
}

function call(scope: Scope, given: number): string {
  const { random } = scope;
  const args = (count: number) => Array.from({ length: Math.max(0, count - given) }, () => operand(scope)).join(' ');
  const roll = random();
  if (roll < 0.4) return `${pick(random, ONE)} ${args(1)}`.trim();
  if (roll < 0.75) return `${pick(random, TWO)} ${args(2)}`.trim();
  if (roll < 0.85) return `${pick(random, THREE)} ${args(3)}`.trim();
  return `printf ${JSON.stringify(pick(random, FORMATS))} ${args(1 + Math.floor(random() * 2))}`.trim();
}

function pipeline(scope: Scope, type: Type = 'any'): string {
  if (scope.tame) return typed(scope, type);
  const { random } = scope;
  let text = random() < 0.5 ? operand(scope).replace(/^nil$/, '1') : call(scope, 0);
  while (random() < 0.3) text += ` | ${call(scope, 1)}`;
  return text;
}

function delimited(random: Random, action: string): string {
  return `{{${random() < 0.15 ? '- ' : random() < 0.9 ? ' ' : ''}${action}${random() < 0.15 ? ' -' : random() < 0.9 ? ' ' : ''}}}`;
}

function body(scope: Scope): string {
  const parts: string[] = [];
  let { variables } = scope;
  for (let count = 1 + Math.floor(scope.random() * 3); count > 0; count--) {
    const [text, declared] = statement({ ...scope, variables });
    parts.push(text);
    if (declared !== undefined) variables = [...variables, declared];
  }
  return parts.join('');
}

function branch(scope: Scope): string {
  const { random } = scope;
  const kind = pick(random, ['if', 'with', 'range', 'if']);
  const inner = { ...scope, depth: scope.depth - 1, inRange: scope.inRange || kind === 'range' };
  const name = `$v${scope.variables.length}`;
  const declares = random() < 0.3;
  const declaration = !declares ? '' : kind === 'range' && random() < 0.5 ? `$i, ${name} := ` : `${name} := `;
  const variables = declares ? [...scope.variables, name] : scope.variables;
  let text =
    delimited(random, `${kind} ${declaration}${pipeline(scope, kind === 'range' ? pick(random, ['list', 'map'] as const) : 'any')}`) +
    body({ ...inner, variables });
  if (kind === 'if' && random() < 0.3) text += delimited(random, `else if ${pipeline(scope)}`) + body({ ...inner, variables });
  if (random() < 0.4) text += delimited(random, 'else') + body({ ...inner, variables, inRange: scope.inRange });
  return text + delimited(random, 'end');
}

// A statement, and the variable that it declares.
function statement(scope: Scope): [string, string?] {
  const { random, depth, variables } = scope;
  const roll = random();
  if (roll < 0.3) return [pick(random, TEXTS)];
  if (roll < 0.62) return [delimited(random, pipeline(scope))];
  if (roll < 0.72) {
    const name = `$v${variables.length}`;
    return [delimited(random, `${name} := ${pipeline(scope)}`), name];
  }
  if (roll < 0.76 && variables.length > 0) return [delimited(random, `${pick(random, variables)} = ${pipeline(scope)}`)];
  if (roll < 0.8) return [delimited(random, `template "${pick(random, TEMPLATES)}" ${pipeline(scope)}`)];
  if (roll < 0.83) return ['{{/* a comment */}}'];
  if (roll < 0.86 && scope.inRange) return [delimited(random, pick(random, ['break', 'continue']))];
  return depth > 0 ? [branch(scope)] : [pick(random, TEXTS)];
}

const data = {
  name: 'sealos',
  count: 3,
  ratio: 1.5,
  flag: true,
  nil: null,
  empty: '',
  list: [1, 'two', 3.5, null],
  words: ['b', 'a', 'c'],
  map: { a: 1, b: 'x', deep: { x: 'y' } },
  text: 'line one\nline two',
  version: 'v1.28.3',
};

/** So many cases from this seed. */
export function generateCases(seed: number, count: number): OracleCase[] {
  return Array.from({ length: count }, (_, index) => {
    const random = seeded(seed * 100_003 + index);
    const definitions = '{{ define "one" }}<{{ . }}>{{ end }}{{ define "two" }}{{ if . }}{{ template "one" (print .) }}{{ end }}{{ end }}';
    const scope = { random, variables: [], inRange: false, depth: 3, tame: index % 4 !== 0 };
    const text = body(scope) + body(scope);
    return { name: `generated-${seed}-${index}`, template: definitions + text, data };
  });
}
