// A directory with a store, a place to unpack to, and surroundings that nothing may change.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkStore, openStore, type Store } from '../../packages/image/src/index.ts';
import { withDirectory } from './images.ts';

export interface Sandbox {
  readonly path: string;
  /** A directory that hostile names aim at; it holds `passwd` and `tree/file`. */
  readonly outside: string;
  /** Does not exist yet. */
  readonly target: string;
  readonly store: Store;
  /** Where a test may put its input. */
  readonly input: string;
}

const OURS = new Set(['store', 'target', 'input']);

/**
 * Runs `work`, and sees that afterwards everything around the store, the target and the input is as it was, `store check` finds nothing, and
 * no temporary file is left.
 */
export async function withSandbox(work: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  await withDirectory(async (path) => {
    const outside = join(path, 'outside');
    for (const directory of [join(outside, 'tree'), join(path, 'input')]) mkdirSync(directory, { recursive: true });
    writeFileSync(join(outside, 'passwd'), 'root:x:0:0', { mode: 0o600 });
    writeFileSync(join(outside, 'tree', 'file'), 'kept', { mode: 0o640 });
    const before = surroundings(path);
    const store = await openStore(join(path, 'store'));
    try {
      await work({ path, outside, target: join(path, 'target'), store, input: join(path, 'input') });
    } finally {
      await store.close();
    }
    assert.deepEqual(surroundings(path), before, 'something outside was changed');
    assert.deepEqual((await checkStore(store.path)).faults, []);
    const leases = join(store.path, 'sealos', 'leases');
    assert.deepEqual(existsSync(leases) ? readdirSync(leases) : [], [], 'temporary files are left');
  });
}

/** Everything in a sandbox but what is the program's to write: kinds, modes, owners, link counts, contents. */
function surroundings(root: string): readonly string[] {
  const lines: string[] = [];
  const visit = (path: string): void => {
    for (const name of readdirSync(join(root, path)).sort()) {
      if (path === '' && OURS.has(name)) continue;
      const at = join(path, name);
      const stat = lstatSync(join(root, at));
      const content = stat.isSymbolicLink()
        ? readlinkSync(join(root, at))
        : stat.isFile()
          ? createHash('sha256')
              .update(readFileSync(join(root, at)))
              .digest('hex')
          : '';
      // The link count: a hard link to a file outside gives the attacker the file.
      lines.push(`${at} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${stat.isDirectory() ? '' : stat.nlink} ${content}`);
      if (stat.isDirectory()) visit(at);
    }
  };
  visit('');
  return lines;
}

/** Fails unless an error is one that users are meant to read: of our family, exit status 1 or 2, one line without control characters. */
export function assertClear(error: unknown): asserts error is Error {
  assert.ok(error instanceof Error, String(error));
  assert.ok('exitCode' in error && (error.exitCode === 1 || error.exitCode === 2), `not an error for users: ${error.stack}`);
  assert.match(error.message, /^[^\p{Cc}\p{Cf}\u2028\u2029]+$/u);
  assert.ok(error.message.length < 1200, `a message of ${error.message.length} characters`);
}

/** The message of the refusal that is expected; undefined when there was none. */
export async function refusalOf(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    assertClear(error);
    return error.message;
  }
}
