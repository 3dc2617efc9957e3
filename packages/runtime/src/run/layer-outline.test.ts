import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LayerEntry } from '@sealos/image';
import { layerOutline, withinDirectory } from './layer-outline.ts';

const entry = (path: string, type: LayerEntry['type'] = 'file', linkname?: string, mode = 0o644): LayerEntry => ({
  ...{ path, type, mode, uid: 0, gid: 0, mtime: 0, size: 0, offset: 0 },
  ...(linkname === undefined ? {} : { linkname }),
});
const link = (path: string, target: string) => entry(path, 'symlink', target);

/** Layers on one another in an empty directory; undefined, or why they are refused. */
function refusal(
  ...layers: readonly { readonly entries: readonly LayerEntry[]; readonly deleted?: readonly string[] }[]
): string | undefined {
  let links: ReadonlyMap<string, string> = new Map();
  try {
    for (const { entries, deleted = [] } of layers) links = withinDirectory('app', layerOutline('app', entries, deleted), links);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Error && 'exitCode' in error && error.exitCode === 2);
    return error.message;
  }
}
const one = (...entries: readonly LayerEntry[]) => ({ entries });

test('links that stay inside may be gone through, and links that lead out may lie there', () => {
  assert.equal(refusal(one(link('lib', 'usr/lib'), entry('lib/x'), link('a/up', '../b'), entry('a/up/x'))), undefined);
  assert.equal(refusal(one(link('etc/localtime', '/usr/share/zoneinfo/UTC'), entry('etc/passwd'))), undefined);
});

test('whatever would go through a link that leads out is refused: in one layer, over layers, through chains and circles', () => {
  const out = /lies behind 'd', a link to '\/etc', which leads out/;
  assert.match(refusal(one(link('d', '/etc'), entry('d/passwd'))) ?? '', out);
  assert.match(refusal(one(link('d', '/etc')), one(entry('d/passwd'))) ?? '', out);
  assert.match(refusal(one(link('d', '/etc')), one(entry('d', 'directory'))) ?? '', out);
  assert.match(refusal(one(link('d', '/etc')), { entries: [], deleted: ['d/passwd'] }) ?? '', out);
  assert.match(refusal(one(link('d', '/etc')), one(entry('x', 'hardlink', 'd/shadow'))) ?? '', out);
  assert.match(refusal(one(link('d', '/etc')), one(entry('d/passwd'), link('d', 'inside'))) ?? '', out);
  assert.match(refusal(one(link('a', 'b'), link('b', 'c/../..'), entry('c', 'directory')), one(entry('a/x'))) ?? '', /leads out/);
  assert.match(refusal(one(link('a', 'b'), link('b', 'a')), one(entry('a/x'))) ?? '', /leads out/);
  assert.match(refusal(one(link('a/b', '../..')), one(entry('a/b/x'))) ?? '', /leads out/);
});

test('a registry holds no links, and no other files under other names', () => {
  assert.match(refusal(one(link('registry', '/etc'))) ?? '', /is a link among the container images/);
  assert.match(refusal(one(link('registry/docker/x/data', '/etc/shadow'))) ?? '', /is a link among the container images/);
  assert.match(refusal(one(entry('registry/x', 'hardlink', 'etc/secret'))) ?? '', /would serve another file/);
  assert.equal(refusal(one(entry('registry/x'), entry('registry/y', 'hardlink', 'registry/x'))), undefined);
});

test('names that a host would read differently are refused', () => {
  assert.match(refusal(one(entry('a\ufffd', 'directory'))) ?? '', /not named, or linked, in UTF-8/);
  assert.match(refusal(one(link('a', 'x'), link('a', 'y'))) ?? '', /there twice/);
});

test('device nodes, pipes and set-id programs are told', () => {
  const outline = layerOutline('app', [entry('null', 'character'), entry('pipe', 'fifo'), entry('su', 'file', undefined, 0o4755)], []);
  assert.deepEqual([outline.nodes, outline.setIds], [['null', 'pipe'], ['su']]);
});
