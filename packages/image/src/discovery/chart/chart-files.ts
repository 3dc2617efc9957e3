import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { openArchiveInput } from '../../archive-input.ts';
import { compressionOf, decompress } from '../../compress.ts';
import { badInput } from '../../error.ts';
import { type ByteInput, inputOf, readTar } from '../../tar-read.ts';
import { filesBelow } from '../context-files.ts';

/** A chart's files by their paths in it. */
export type ChartFiles = ReadonlyMap<string, Buffer>;

/** What may still be read for one chart with all that it packs: nothing is written, so that memory is what a hostile one could take. */
export interface ReadLimit {
  bytes: number;
  files: number;
  /** How deep packed charts may be in packed charts. */
  readonly depth: number;
}

/** Real charts have some hundred kilobytes, the largest a few megabytes. */
export function readLimit(): ReadLimit {
  return { bytes: 64 * 1024 * 1024, files: 10_000, depth: 5 };
}

/** A single file that is larger holds no templates (a picture, a binary): it is known to be there, without content. */
const FILE_LIMIT = 5 * 1024 * 1024;

function take(limit: ReadLimit, bytes: number): void {
  limit.files -= 1;
  limit.bytes -= bytes;
  if (limit.files < 0) throw badInput('bad-chart', 'it has more than 10000 files');
  if (limit.bytes < 0) throw badInput('bad-chart', 'it has more than 64 MiB of files');
}

/** The files of a chart that is a directory of the context. */
export async function filesOfDirectory(context: string, directory: string, limit: ReadLimit): Promise<ChartFiles> {
  const files = new Map<string, Buffer>();
  for (const path of await filesBelow(context, directory)) {
    const size = (await stat(join(context, path))).size;
    const isRead = size <= FILE_LIMIT;
    take(limit, isRead ? size : 0);
    files.set(path.slice(directory.length + 1), isRead ? await readFile(join(context, path)) : Buffer.alloc(0));
  }
  return files;
}

/** The files of a packed chart. Throws `bad-archive`, `bad-compression`, `bad-chart` (exit 2). */
export async function filesOfArchive(path: string, limit: ReadLimit, signal?: AbortSignal): Promise<ChartFiles> {
  await using archive = await openArchiveInput(path, signal);
  return await filesOfTar(archive.input, limit);
}

/** The files of a chart that is packed in a chart. */
export async function filesOfBytes(bytes: Buffer, limit: ReadLimit): Promise<ChartFiles> {
  const stream = decompress(Readable.from([bytes], { objectMode: false }), compressionOf(bytes.subarray(0, 4)));
  try {
    return await filesOfTar(inputOf(stream), limit);
  } finally {
    stream.destroy();
  }
}

// A chart is packed as one directory. Links and devices are no part of a chart, and names are only names here: none leads to a file.
async function filesOfTar(input: ByteInput, limit: ReadLimit): Promise<ChartFiles> {
  const files = new Map<string, Buffer>();
  for await (const { header, content } of readTar(counted(input, limit))) {
    const path = header.path.slice(header.path.indexOf('/') + 1);
    if (header.type !== 'file' || path === header.path || path.split('/').includes('..')) continue;
    take(limit, 0);
    const chunks: Buffer[] = [];
    if (header.size <= FILE_LIMIT) for await (const chunk of content()) chunks.push(Buffer.from(chunk));
    files.set(path, Buffer.concat(chunks));
  }
  return files;
}

/** Everything that is unpacked counts, also what is passed over: a few kilobytes can be packed terabytes. */
function counted(input: ByteInput, limit: ReadLimit): ByteInput {
  const count = (bytes: number) => {
    limit.bytes -= bytes;
    if (limit.bytes < 0) throw badInput('bad-chart', 'it has more than 64 MiB of files');
  };
  return {
    async read(max) {
      const chunk = await input.read(max);
      count(chunk?.length ?? 0);
      return chunk;
    },
    async skip(bytes) {
      let left = bytes;
      while (left > 0) {
        const step = await input.skip(Math.min(left, 1024 * 1024));
        count(step);
        if (step === 0) break;
        left -= step;
      }
      return bytes - left;
    },
  };
}
