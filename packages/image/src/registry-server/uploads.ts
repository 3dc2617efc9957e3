import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Digest } from '../digest.ts';
import { savedRegistryPaths } from '../saved-registry/paths.ts';
import { Refusal } from './answer.ts';
import type { Draft } from './files.ts';
import type { RegistryContent } from './registry-content.ts';

/** An upload that nobody went on with for this long (milliseconds) is given up. */
const PATIENCE = 60 * 60 * 1000;
const MOST = 1000;
const paths = savedRegistryPaths('');

export interface UploadSession {
  readonly id: string;
  readonly repository: string;
  readonly draft: Draft;
}

interface Held extends UploadSession {
  /** The request that is sending, and its end. */
  sender: { readonly request: IncomingMessage; readonly ended: Promise<void> } | undefined;
  touched: number;
}

/** Uploads that have begun. They live as long as this process: a client whose upload is not known any more begins it anew. */
export class Uploads implements AsyncDisposable {
  readonly #content: RegistryContent;
  readonly #sessions = new Map<string, Held>();
  readonly #timer: NodeJS.Timeout;

  constructor(content: RegistryContent) {
    this.#content = content;
    this.#timer = setInterval(() => void this.#expire(), PATIENCE / 12).unref();
  }

  async begin(repository: string): Promise<UploadSession> {
    if (this.#sessions.size >= MOST) throw new Refusal(429, 'TOOMANYREQUESTS', `${MOST} uploads are open already`);
    const session: Held = {
      id: randomUUID(),
      repository,
      draft: await this.#content.files.draft(),
      sender: undefined,
      touched: Date.now(),
    };
    this.#sessions.set(session.id, session);
    return session;
  }

  /** Throws `BLOB_UPLOAD_UNKNOWN`. */
  find(repository: string, id: string): UploadSession {
    return this.#held(repository, id);
  }

  /**
   * Adds a request's body, which is where `range` says that the client sees it. Whoever goes on with an upload ends a request before that
   * is still sending: its connection is most likely dead. What arrives before a connection breaks is kept.
   */
  async append(session: UploadSession, request: IncomingMessage, range: ClaimedRange | undefined): Promise<void> {
    await this.#whileSending(session, request, (held) => receive(held, request, range));
  }

  /** Adds the last body and makes the whole a blob of the repository. What is not `digest` is thrown away: `DIGEST_INVALID`. */
  async complete(session: UploadSession, request: IncomingMessage, range: ClaimedRange | undefined, digest: Digest): Promise<void> {
    await this.#whileSending(session, request, async (held) => {
      await receive(held, request, range);
      this.#sessions.delete(held.id);
      try {
        const written = await held.draft.finish();
        if (written.digest !== digest) {
          throw new Refusal(400, 'DIGEST_INVALID', `the content's digest is ${written.digest.slice(0, 19)}…, not the one given`);
        }
        await held.draft.place(paths.blob(digest));
        await this.#content.linkBlob(held.repository, digest);
      } finally {
        await held.draft.discard();
      }
    });
  }

  async cancel({ repository, id }: UploadSession): Promise<void> {
    await this.#giveUp(this.#held(repository, id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    for (const session of this.#sessions.values()) await this.#giveUp(session);
  }

  async #whileSending({ repository, id }: UploadSession, request: IncomingMessage, work: (held: Held) => Promise<void>): Promise<void> {
    for (let { sender } = this.#held(repository, id); sender !== undefined; { sender } = this.#held(repository, id)) {
      sender.request.destroy();
      await sender.ended;
    }
    const held = this.#held(repository, id);
    const { promise, resolve } = Promise.withResolvers<void>();
    held.sender = { request, ended: promise };
    try {
      await work(held);
    } finally {
      held.touched = Date.now();
      held.sender = undefined;
      resolve();
    }
  }

  #held(repository: string, id: string): Held {
    const session = this.#sessions.get(id);
    if (session?.repository !== repository) throw new Refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'there is no such upload: begin it anew');
    return session;
  }

  async #giveUp(session: Held): Promise<void> {
    this.#sessions.delete(session.id);
    session.sender?.request.destroy();
    await session.sender?.ended;
    await session.draft.discard();
  }

  async #expire(): Promise<void> {
    for (const session of this.#sessions.values()) {
      if (session.sender === undefined && Date.now() - session.touched > PATIENCE) await this.#giveUp(session);
    }
  }
}

async function receive({ draft, ...session }: UploadSession, request: IncomingMessage, range: ClaimedRange | undefined): Promise<void> {
  if (range !== undefined && range.start !== draft.size) {
    const headers = statusHeaders({ draft, ...session });
    throw new Refusal(416, 'BLOB_UPLOAD_INVALID', `the upload goes on at byte ${draft.size}, not at ${range.start}`, headers);
  }
  const end = range === undefined ? Number.POSITIVE_INFINITY : range.end + 1;
  // Not destroyed where it is refused: the answer has to be sent on its connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    if (draft.size + chunk.length > end) throw new Refusal(400, 'SIZE_INVALID', 'the body is longer than its Content-Range says');
    await draft.write(chunk);
  }
  if (range !== undefined && draft.size !== end) throw new Refusal(400, 'SIZE_INVALID', 'the body is shorter than its Content-Range says');
}

/** Where an upload goes on, and what has arrived: `0-0` for nothing, too, as registries have it. */
export function statusHeaders({ repository, id, draft }: UploadSession): Readonly<Record<string, string>> {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, draft.size - 1)}`,
    'docker-upload-uuid': id,
  };
}

export interface ClaimedRange {
  readonly start: number;
  /** The last byte. */
  readonly end: number;
}

/** A request's `Content-Range: START-END` (without unit in the distribution-spec). Throws when it is none, or not as long as the body. */
export function claimedRange(request: IncomingMessage): ClaimedRange | undefined {
  const text = request.headers['content-range'];
  if (text === undefined) return undefined;
  const [, first, last] = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(text) ?? [];
  const range = { start: Number(first), end: Number(last) };
  const { 'content-length': length } = request.headers;
  const isRange = last !== undefined && (range.end >= range.start || length === '0');
  if (!isRange) throw new Refusal(416, 'BLOB_UPLOAD_INVALID', 'the Content-Range is not START-END');
  if (length !== undefined && length !== '0' && Number(length) !== range.end - range.start + 1) {
    throw new Refusal(400, 'SIZE_INVALID', 'Content-Range and Content-Length contradict each other');
  }
  return length === '0' ? undefined : range;
}
