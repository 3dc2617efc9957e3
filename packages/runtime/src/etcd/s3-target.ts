import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { badInput } from '@sealos/image';

/** Who asks. `secretAccessKey` and `sessionToken` are secrets. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** A place in S3-compatible storage, and the right to use it. */
export interface S3Target {
  readonly bucket: string;
  /** Without slashes at its ends; empty for the bucket's root. */
  readonly prefix: string;
  readonly region: string;
  /** URL of the bucket, without a slash at its end: `https://bucket.s3.eu-central-1.amazonaws.com`, `https://minio:9000/bucket`. */
  readonly url: string;
  readonly credentials: S3Credentials;
}

export interface S3Choice {
  /** `s3://BUCKET[/PREFIX]` */
  readonly location: string;
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
}

/**
 * Where and as whom, from flags and what AWS' own tools read: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, else the
 * profile (AWS_PROFILE) in the shared credentials file; AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL. Throws bad input.
 */
export async function s3Target(choice: S3Choice, environment: NodeJS.ProcessEnv): Promise<S3Target> {
  const { bucket, path } = parseLocation(choice.location);
  const region = choice.region || environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'] || 'us-east-1';
  const endpoint = choice.endpoint || environment['AWS_ENDPOINT_URL_S3'] || environment['AWS_ENDPOINT_URL'];
  return {
    bucket,
    prefix: path,
    region,
    url: bucketUrl(bucket, region, endpoint),
    credentials: credentialsIn(environment) ?? (await credentialsFromFile(environment)),
  };
}

function parseLocation(location: string): { readonly bucket: string; readonly path: string } {
  const [, bucket = '', path = ''] = /^s3:\/\/([^/]+)\/*(.*?)\/*$/.exec(location) ?? [];
  // docs.aws.amazon.com: bucketnamingrules; upper case and underscores of old buckets and other makers are let through.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/.test(bucket)) {
    throw badInput('bad-s3', `'${location}' is not a place in S3 storage`, 'write s3://BUCKET or s3://BUCKET/PREFIX');
  }
  return { bucket, path };
}

function bucketUrl(bucket: string, region: string, endpoint: string | undefined): string {
  if (!endpoint) {
    // A name with dots has no place in Amazon's certificates: it goes into the path.
    return bucket.includes('.') ? `https://s3.${region}.amazonaws.com/${bucket}` : `https://${bucket}.s3.${region}.amazonaws.com`;
  }
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search) {
    throw badInput('bad-s3', `'${endpoint}' is not the URL of an S3 endpoint`, 'write --s3-endpoint https://HOST[:PORT]');
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}/${bucket}`;
}

function credentialsIn(environment: NodeJS.ProcessEnv): S3Credentials | undefined {
  const accessKeyId = environment['AWS_ACCESS_KEY_ID'];
  const secretAccessKey = environment['AWS_SECRET_ACCESS_KEY'];
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: environment['AWS_SESSION_TOKEN'] || undefined };
}

async function credentialsFromFile(environment: NodeJS.ProcessEnv): Promise<S3Credentials> {
  const path = environment['AWS_SHARED_CREDENTIALS_FILE'] || join(environment['HOME'] || homedir(), '.aws', 'credentials');
  const profile = environment['AWS_PROFILE'] || 'default';
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const settings = text === undefined ? undefined : profileIn(text, profile);
  const [accessKeyId, secretAccessKey] = [settings?.get('aws_access_key_id'), settings?.get('aws_secret_access_key')];
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, sessionToken: settings?.get('aws_session_token') };
  throw badInput(
    'no-s3-credentials',
    text === undefined
      ? `there are no credentials for S3 storage: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, and ${path} cannot be read`
      : `there are no credentials for S3 storage: ${path} has none in profile '${profile}'`,
    'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write the shared credentials file',
  );
}

/** The settings of one profile of an INI file as AWS' tools write it. */
function profileIn(text: string, profile: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  let here = false;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*(?:profile\s+)?(.*?)\s*\]/.exec(line)?.[1];
    if (section !== undefined) here = section === profile;
    const [, key = '', value = ''] = /^\s*([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (here && key !== '') settings.set(key.toLowerCase(), value);
  }
  return settings;
}
