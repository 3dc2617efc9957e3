import type { IncomingMessage } from 'node:http';
import { digestOf } from '../digest.ts';
import { SealosError } from '../error.ts';
import { JSON_LIMIT } from '../json.ts';
import { type Answer, Refusal } from './answer.ts';
import { type ManifestDocument, readManifestDocument } from './manifest-document.ts';
import type { RegistryContent } from './registry-content.ts';
import type { ManifestName } from './route.ts';

interface Target {
  readonly repository: string;
  readonly name: ManifestName;
}

const unknown = ({ repository }: Target) => new Refusal(404, 'MANIFEST_UNKNOWN', `${repository} has no such manifest`);

/** GET and HEAD: the document as it was pushed, whatever the client says that it accepts. */
export async function readManifest(content: RegistryContent, request: IncomingMessage, target: Target): Promise<Answer> {
  const found = await content.manifest(target.repository, target.name);
  if (found === undefined) throw unknown(target);
  const { digest, bytes } = found;
  const headers = {
    'content-type': readManifestDocument(bytes, undefined).mediaType,
    'content-length': String(bytes.length),
    'docker-content-digest': digest,
    etag: `"${digest}"`,
  };
  if (request.headers['if-none-match'] === headers.etag) return { status: 304, headers: { etag: headers.etag } };
  return { status: 200, headers, ...(request.method === 'HEAD' ? {} : { body: bytes }) };
}

/** PUT: what a manifest names has to be there; what an index lists may come later, or never (one platform of many). */
export async function writeManifest(content: RegistryContent, request: IncomingMessage, target: Target): Promise<Answer> {
  const { repository, name } = target;
  const bytes = await collect(request);
  const digest = digestOf(bytes);
  if ('digest' in name && name.digest !== digest)
    throw new Refusal(400, 'DIGEST_INVALID', 'the manifest has another digest than the one given');
  const document = parsed(bytes, request.headers['content-type']);
  for (const blob of document.blobs) {
    if ((await content.blobSize(repository, blob)) === undefined) {
      throw new Refusal(404, 'MANIFEST_BLOB_UNKNOWN', `${repository} does not have ${blob}, which the manifest names: push it first`);
    }
  }
  await content.putManifest(repository, { digest, bytes }, 'tag' in name ? name.tag : undefined);
  return {
    status: 201,
    headers: {
      location: `/v2/${repository}/manifests/${digest}`,
      'docker-content-digest': digest,
      ...(document.subject === undefined ? {} : { 'oci-subject': document.subject }),
    },
  };
}

/** DELETE: a tag alone, or a manifest with all tags that mean it. */
export async function removeManifest(content: RegistryContent, target: Target): Promise<Answer> {
  const { repository, name } = target;
  const isGone = 'tag' in name ? await content.untag(repository, name.tag) : await content.removeManifest(repository, name.digest);
  if (!isGone) throw unknown(target);
  return { status: 202 };
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const tooBig = () => new Refusal(413, 'SIZE_INVALID', `a manifest may have ${JSON_LIMIT} bytes at most`);
  if (Number(request.headers['content-length'] ?? 0) > JSON_LIMIT) throw tooBig();
  const chunks: Buffer[] = [];
  let size = 0;
  // Not destroyed at the limit: the refusal still has to be sent on this connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length;
    if (size > JSON_LIMIT) throw tooBig();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parsed(bytes: Buffer, contentType: string | undefined): ManifestDocument {
  try {
    return readManifestDocument(bytes, contentType?.split(';')[0]?.trim());
  } catch (error) {
    if (error instanceof SealosError) throw new Refusal(400, 'MANIFEST_INVALID', error.message);
    throw error;
  }
}
