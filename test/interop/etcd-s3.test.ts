// Backups in S3-compatible storage, against a fake that checks every signature, and against curl, which signs them by itself.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { s3Target } from '@sealos/runtime';
import { listNames, putFile, readObject, removeObject, s3Key } from '../../packages/runtime/src/etcd/s3-objects.ts';
import { type FakeS3, type FakeS3Options, startFakeS3 } from '../support/fake-s3.ts';
import { canonicalRequest, type SignedParts, signature } from '../support/fake-s3-signature.ts';
import { run } from '../support/programs.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-etcd-s3-'));
after(() => rmSync(work, { recursive: true, force: true }));
const { signal } = new AbortController();

const account = {
  bucket: 'backups',
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'a/secret+key',
  sessionToken: 'a/token==',
  region: 'eu-central-1',
} satisfies FakeS3Options;
const environment = {
  AWS_ACCESS_KEY_ID: account.accessKeyId,
  AWS_SECRET_ACCESS_KEY: account.secretAccessKey,
  AWS_SESSION_TOKEN: account.sessionToken,
  AWS_REGION: account.region,
};
const targetOf = (fake: FakeS3, location = 's3://backups/etcd of mine/(1)') => s3Target({ location, endpoint: fake.endpoint }, environment);

async function contentOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

function fileOf(bytes: number): { readonly path: string; readonly content: Buffer } {
  const content = randomBytes(bytes);
  const path = join(work, `file-${bytes}`);
  writeFileSync(path, content);
  return { path, content };
}

// docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Examples: Signature Calculations".
describe("the fake's own signatures are those of AWS' published examples", () => {
  const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  const common = { time: '20130524T000000Z', region: 'us-east-1', service: 's3' };
  const host = 'examplebucket.s3.amazonaws.com';
  const date = { 'x-amz-date': common.time };
  const examples: readonly [string, Omit<SignedParts, keyof typeof common>, string][] = [
    [
      'GET Object',
      {
        method: 'GET',
        path: '/test.txt',
        query: '',
        headers: { host, range: 'bytes=0-9', 'x-amz-content-sha256': empty, ...date },
        signedHeaders: ['host', 'range', 'x-amz-content-sha256', 'x-amz-date'],
        payloadHash: empty,
      },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'PUT Object',
      {
        method: 'PUT',
        path: '/test%24file.text',
        query: '',
        headers: {
          host,
          date: 'Fri, 24 May 2013 00:00:00 GMT',
          'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
          'x-amz-storage-class': 'REDUCED_REDUNDANCY',
          ...date,
        },
        signedHeaders: ['date', 'host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-storage-class'],
        payloadHash: '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      },
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'GET Bucket Lifecycle',
      {
        method: 'GET',
        path: '/',
        query: 'lifecycle',
        headers: { host, 'x-amz-content-sha256': empty, ...date },
        signedHeaders: ['host', 'x-amz-content-sha256', 'x-amz-date'],
        payloadHash: empty,
      },
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'List Objects',
      {
        method: 'GET',
        path: '/',
        query: 'max-keys=2&prefix=J',
        headers: { host, 'x-amz-content-sha256': empty, ...date },
        signedHeaders: ['host', 'x-amz-content-sha256', 'x-amz-date'],
        payloadHash: empty,
      },
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ];
  for (const [name, parts, expected] of examples) {
    test(name, () => {
      assert.equal(signature({ ...common, ...parts }, secret), expected, canonicalRequest({ ...common, ...parts }));
    });
  }
});

test('a file goes there in one signed request and comes back as it was, under names with blanks and signs', async () => {
  await using fake = await startFakeS3(account);
  const target = await targetOf(fake);
  const { path, content } = fileOf(300_000);
  const key = s3Key(target, 'etcd-default-20261121T110709Z.db');
  await putFile(target, key, path, { signal });
  assert.deepEqual([...fake.objects.keys()], ['etcd of mine/(1)/etcd-default-20261121T110709Z.db']);
  assert.deepEqual(await contentOf(readObject(target, key, signal)), content);
  assert.deepEqual(await listNames(target, signal), ['etcd-default-20261121T110709Z.db']);
  await removeObject(target, key, signal);
  assert.equal(fake.objects.size, 0);
});

test('a file over 64 MiB goes in parts, and comes together as it was', async () => {
  await using fake = await startFakeS3(account);
  const target = await targetOf(fake);
  const { path, content } = fileOf(70 * 1024 * 1024);
  const sent: number[] = [];
  await putFile(target, 'large', path, { signal, onBytes: (bytes) => sent.push(bytes) });
  assert.ok(fake.objects.get('large')?.equals(content));
  assert.equal(fake.requests.filter((line) => line.includes('partNumber')).length, 5);
  assert.equal(sent.at(-1), content.length);
  assert.equal(fake.uploads.size, 0);
});

test('what fails on the way is tried again: an error of the server, a broken connection, a slow answer', async () => {
  await using fake = await startFakeS3(account);
  const target = await targetOf(fake);
  const { path, content } = fileOf(100_000);
  fake.faults.push(500, 'cut', 503, 'late');
  await putFile(target, 'file', path, { signal });
  assert.ok(fake.objects.get('file')?.equals(content));
  assert.equal(fake.requests.length, 4);
});

test('an upload in parts that fails is taken back: nothing is left there', async () => {
  await using fake = await startFakeS3(account);
  const target = await targetOf(fake);
  const { path } = fileOf(65 * 1024 * 1024);
  // The first part goes well, the second is refused.
  const failing = putFile(target, 'file', path, { signal, onBytes: () => fake.faults.push(403) });
  await assert.rejects(failing, { code: 's3-refused' });
  assert.deepEqual([fake.objects.size, fake.uploads.size], [0, 0]);
});

test('a list of more pages than one is read to its end', async () => {
  await using fake = await startFakeS3({ ...account, pageSize: 3 });
  const target = await targetOf(fake, 's3://backups');
  for (let index = 0; index < 10; index += 1) fake.objects.set(`name-${index}&`, Buffer.alloc(1));
  fake.objects.set('other/name', Buffer.alloc(1));
  assert.equal((await listNames(target, signal)).length, 10);
});

test('wrong credentials, regions, buckets and objects are named as such, and no secret is in the error', async () => {
  await using fake = await startFakeS3(account);
  const cases: readonly [RegExp, Readonly<Record<string, string>>, string][] = [
    [/SignatureDoesNotMatch/, { AWS_SECRET_ACCESS_KEY: 'another secret' }, 's3://backups'],
    [/InvalidAccessKeyId/, { AWS_ACCESS_KEY_ID: 'another' }, 's3://backups'],
    [/InvalidToken/, { AWS_SESSION_TOKEN: 'another token' }, 's3://backups'],
    [/AuthorizationHeaderMalformed/, { AWS_REGION: 'mars-1' }, 's3://backups'],
    [/NoSuchBucket/, {}, 's3://elsewhere'],
    [/NoSuchKey/, {}, 's3://backups'],
  ];
  for (const [says, other, location] of cases) {
    const target = await s3Target({ location, endpoint: fake.endpoint }, { ...environment, ...other });
    await assert.rejects(contentOf(readObject(target, 'absent', signal)), (error: Error) => {
      assert.match(error.message, says);
      assert.doesNotMatch(JSON.stringify(error) + error.message, /another|a\/secret|a\/token/);
      return true;
    });
  }
  const nowhere = await s3Target({ location: 's3://backups', endpoint: 'http://127.0.0.1:9' }, environment);
  await assert.rejects(contentOf(readObject(nowhere, 'x', signal)), /127\.0\.0\.1:9 cannot be reached/);
});

test('credentials come from the environment or a profile of the shared file; without any, it is said', async () => {
  const file = join(work, 'credentials');
  writeFileSync(
    file,
    '[default]\naws_access_key_id = one\naws_secret_access_key=two\n\n[profile other]\naws_access_key_id=three\naws_secret_access_key = four/+=\n',
  );
  const location = 's3://backups/x/';
  const from = async (settings: NodeJS.ProcessEnv) => (await s3Target({ location }, { HOME: work, ...settings })).credentials;
  assert.equal((await from({ AWS_SHARED_CREDENTIALS_FILE: file })).secretAccessKey, 'two');
  assert.equal((await from({ AWS_SHARED_CREDENTIALS_FILE: file, AWS_PROFILE: 'other' })).secretAccessKey, 'four/+=');
  await assert.rejects(from({}), { exitCode: 2, message: /no credentials/ });
  await assert.rejects(from({ AWS_SHARED_CREDENTIALS_FILE: file, AWS_PROFILE: 'absent' }), { exitCode: 2, message: /profile 'absent'/ });
  await assert.rejects(s3Target({ location: 'backups' }, environment), { exitCode: 2 });
  await assert.rejects(s3Target({ location, endpoint: 'minio:9000' }, environment), { exitCode: 2 });
  assert.equal((await s3Target({ location }, environment)).url, 'https://backups.s3.eu-central-1.amazonaws.com');
});

test('curl, as the schedule on the hosts calls it, is accepted by the same check', async () => {
  await using fake = await startFakeS3(account);
  const { scheduleFiles } = await import('../../packages/runtime/src/etcd/schedule-files.ts');
  const s3 = await targetOf(fake, 's3://backups/hosts');
  const files = scheduleFiles('default', { calendar: '*-*-* 00:00:00', keep: 3, s3 });
  const config = files.find(({ path }) => path.endsWith('.curl'));
  const program = files.find(({ path }) => path.endsWith('/sealos-etcd-backup'));
  assert.ok(config && program);
  assert.equal(config.mode, 0o600);
  assert.doesNotMatch(String(program.content), /secret|token/);
  const { path, content } = fileOf(200_000);
  writeFileSync(join(work, 'curl'), config.content);
  // The program's own last lines, with the file that it would have made.
  const upload = String(program.content).slice(String(program.content).indexOf('\nurl='));
  const script = `set -euo pipefail; time=20261121T110709Z file=${path}\n${upload.replaceAll('/etc/sealos-etcd-backup.curl', join(work, 'curl'))}`;
  await run('bash', ['-c', script]);
  assert.ok(fake.objects.get('hosts/etcd-default-20261121T110709Z.db')?.equals(content));
});
