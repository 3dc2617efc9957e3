import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TemplateData } from '@sealos/template';
import { parseSet, type Values, withAssignments } from './set-values.ts';

/** Plain data of Maps, to be compared. */
function plain(value: TemplateData): unknown {
  if (value instanceof Map) return plainMap(value);
  return Array.isArray(value) ? value.map(plain) : typeof value === 'bigint' ? Number(value) : value;
}

function plainMap(map: ReadonlyMap<string, TemplateData>): unknown {
  return Object.fromEntries([...map].map(([key, value]) => [key, plain(value)]));
}

const set = (...texts: readonly string[]) => plainMap(texts.reduce<Values>((map, text) => withAssignments(map, parseSet(text)), new Map()));

// From helm's own documentation of --set and the behaviour of its strvals.
for (const [text, expected] of [
  ['name=value', { name: 'value' }],
  ['a=b,c=d', { a: 'b', c: 'd' }],
  ['outer.inner=value', { outer: { inner: 'value' } }],
  ['name={a,b,c}', { name: ['a', 'b', 'c'] }],
  ['name={a, b, c}', { name: ['a', 'b', 'c'] }],
  ['name={a,2,true,null},x=1', { name: ['a', 2, true, null], x: 1 }],
  ['name=[],a=null', { name: [], a: null }],
  ['name={}', { name: [] }],
  ['servers[0].port=80', { servers: [{ port: 80 }] }],
  ['servers[0].port=80,servers[0].host=example', { servers: [{ port: 80, host: 'example' }] }],
  ['list[2]=x', { list: [null, null, 'x'] }],
  ['m[0][1]=x', { m: [[null, 'x']] }],
  ['name=value1\\,value2', { name: 'value1,value2' }],
  ['nodeSelector.kubernetes\\.io/role=master', { nodeSelector: { 'kubernetes.io/role': 'master' } }],
  ['a=1,b=-2,c=007,d=0,e=1.5,f=1e3', { a: 1, b: -2, c: '007', d: 0, e: '1.5', f: '1e3' }],
  ['a=TRUE,b=false,c=yes', { a: true, b: false, c: 'yes' }],
  ['a=', { a: '' }],
  ['a=,b=x', { a: '', b: 'x' }],
  ['a=x=y', { a: 'x=y' }],
  ['a=9223372036854775808', { a: '9223372036854775808' }],
  ['a={x\\,y,\\}}', { a: ['x,y', '}'] }],
  ['__proto__.x=1', Object.fromEntries([['__proto__', { x: 1 }]])],
  ['a=1,', { a: 1 }],
  ['', {}],
] as const) {
  test(`--set ${text} is what helm takes it for`, () => assert.deepEqual(set(text), expected));
}

test('a later --set is laid over earlier ones, lists by index', () => {
  assert.deepEqual(set('a.b=1,a.c={x,y}', 'a.b=2', 'a.c[1]=z'), { a: { b: 2, c: ['x', 'z'] } });
  assert.deepEqual(set('a=null', 'a.b=1'), { a: { b: 1 } });
});

for (const [text, message] of [
  ['name', '--set name: it has no value'],
  ['a.b,c=1', '--set a.b: it has no value'],
  ['=x', '--set : a name is missing'],
  ['a..b=1', '--set a: a name is missing'],
  ['a.=1', '--set a: a name is missing'],
  ['a[x]=1', "--set a: '[x]' is not an index"],
  ['a[-1]=1', "--set a: '[-1]' is not an index"],
  ['a[70000]=1', "--set a: '[70000]' is not an index"],
  ['a[0', "--set a: '[0' is not an index"],
  ['a[0]b=1', "--set a[0]: 'b' after an index"],
  ['a={x,y', '--set a: the list has no end'],
  ['a={x}y', '--set a: something stands behind the list'],
] as const) {
  test(`--set ${text} is refused`, () => assert.throws(() => parseSet(text), { message, exitCode: 2 }));
}

test('a member of what is no map is refused, and its value is not shown', () => {
  assert.throws(() => set('a=hunter22', 'a.b=hunter22'), { message: "--set a.b: 'a' is not a map", exitCode: 2 });
  assert.throws(() => set('a.b=x', 'a[0]=y'), { message: "--set a[0]: 'a' is not a list", exitCode: 2 });
});
