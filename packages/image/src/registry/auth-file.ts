import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { diskError } from '../blob.ts';
import { badInput } from '../error.ts';
import { parseJson } from '../json.ts';
import { withLock } from '../lock.ts';

const text = v.nullish(v.string());
const entry = v.looseObject({ auth: text, username: text, password: text, identitytoken: text, registrytoken: text });

// Loose: docker keeps its other settings in the same file.
const authFile = v.looseObject({
  auths: v.nullish(v.record(v.string(), entry)),
  credsStore: v.nullish(v.string()),
  credHelpers: v.nullish(v.record(v.string(), v.string())),
});

export type AuthEntry = v.InferOutput<typeof entry>;
export type AuthFile = v.InferOutput<typeof authFile>;

/** Reads docker's `config.json` or containers' `auth.json`; one that is not there is empty, unless required. Throws `bad-auth-file` (exit 2). */
export async function readAuthFile(path: string, options: { readonly required?: boolean } = {}): Promise<AuthFile> {
  const bytes = await readFile(path).catch((error: unknown) => {
    const isMissing = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
    if (isMissing && !options.required) return undefined;
    throw badInput('bad-auth-file', `cannot read the logins in ${path}: ${isMissing ? 'there is no such file' : reasonOf(error)}`);
  });
  if (bytes === undefined || bytes.toString('utf8').trim() === '') return {};
  const refuse = (why: string) =>
    badInput('bad-auth-file', `the logins in ${path} cannot be read: ${why}`, 'repair the file, or remove it and log in again');
  let document: unknown;
  try {
    document = parseJson(bytes, 'it');
  } catch (error) {
    throw refuse(reasonOf(error));
  }
  if (Array.isArray(document)) throw refuse('it is a list');
  const result = v.safeParse(authFile, document);
  if (result.success) return result.output;
  throw refuse(`${v.getDotPath(result.issues[0])?.split('.')[0] ?? 'it'} is not as docker writes it`);
}

/**
 * Changes an auth file: what `change` does not touch stays as it is, the file is replaced in one step and readable by its owner
 * alone. Two processes at once wait for each other.
 */
export async function changeAuthFile(path: string, change: (file: AuthFile) => AuthFile): Promise<void> {
  // A link (dotfiles kept elsewhere) stays a link.
  const target = await realpath(path).catch(() => path);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 }).catch((error: unknown) => Promise.reject(diskError(error, target)));
  await withLock(`${target}.lock`, async () => {
    const changed = change(await readAuthFile(target));
    await replaceFile(target, `${JSON.stringify(changed, undefined, '\t')}\n`);
  });
}

async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, path);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
