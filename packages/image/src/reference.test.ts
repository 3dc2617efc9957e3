import assert from 'node:assert/strict';
import { test } from 'node:test';
import { familiarName, formatReference, parseReference } from './reference.ts';

const DIGEST = `sha256:${'a1'.repeat(32)}`;

test('short names are completed as Docker does', () => {
  const names: readonly (readonly [string, string, string])[] = [
    ['nginx', 'docker.io/library/nginx:latest', 'nginx:latest'],
    ['nginx:1.25', 'docker.io/library/nginx:1.25', 'nginx:1.25'],
    ['library/nginx', 'docker.io/library/nginx:latest', 'nginx:latest'],
    ['labring/calico:v3.22.1', 'docker.io/labring/calico:v3.22.1', 'labring/calico:v3.22.1'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest', 'nginx:latest'],
    ['index.docker.io/a/b', 'docker.io/a/b:latest', 'a/b:latest'],
    ['localhost/x', 'localhost/x:latest', 'localhost/x:latest'],
    ['localhost:5000/x:y', 'localhost:5000/x:y', 'localhost:5000/x:y'],
    ['x.y/z', 'x.y/z:latest', 'x.y/z:latest'],
    ['192.0.2.1:5000/a/b/c:d', '192.0.2.1:5000/a/b/c:d', '192.0.2.1:5000/a/b/c:d'],
    ['[2001:db8::1]:5000/a', '[2001:db8::1]:5000/a:latest', '[2001:db8::1]:5000/a:latest'],
    ['docker.io/library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
    ['a__b/c--d.e_f', 'docker.io/a__b/c--d.e_f:latest', 'a__b/c--d.e_f:latest'],
    [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`, `nginx@${DIGEST}`],
    [`a/b:c@${DIGEST}`, `docker.io/a/b:c@${DIGEST}`, `a/b:c@${DIGEST}`],
  ];
  for (const [text, full, familiar] of names) {
    const reference = parseReference(text);
    assert.equal(formatReference(reference), full);
    assert.equal(familiarName(reference), familiar);
    assert.deepEqual(parseReference(full), reference);
    assert.deepEqual(parseReference(familiar), reference);
  }
});

test('a reference without digest always has a tag, one with digest only what was written', () => {
  assert.equal(parseReference('nginx').tag, 'latest');
  assert.equal(parseReference(`nginx@${DIGEST}`).tag, undefined);
});

test('what is no name is refused in one line, exit 2', () => {
  const refused = [
    '',
    ':tag',
    'a:',
    'a@',
    'a:b:c',
    'a//b',
    '/a',
    'a/',
    'x.y/',
    'https://x.y/z',
    'docker://nginx',
    'a b',
    'a_-b',
    '-a',
    'a.',
    'a___b',
    `a:${'t'.repeat(129)}`,
    'a:-t',
    'a@sha256:abc',
    `a@sha512:${'a'.repeat(128)}`,
    `a@${DIGEST.toUpperCase()}`,
    'a'.repeat(64),
    `x.y/${'a/'.repeat(130)}b`,
    'x..y:1/z',
    'a\nb',
  ];
  for (const text of refused) {
    assert.throws(() => parseReference(text), { code: 'bad-reference', exitCode: 2, message: /^[^\n]+$/ }, JSON.stringify(text));
  }
});

test('upper case is refused with the lower-case name as hint', () => {
  for (const text of ['Nginx', 'Foo/bar', 'localhost:5000/Foo']) {
    assert.throws(() => parseReference(text), { code: 'bad-reference', hint: `try '${text.toLowerCase()}'`, message: /upper case/ });
  }
});

test('255 characters are accepted, 256 are not', () => {
  const path = (length: number) => `x.yz/${'a'.repeat(length - 'x.yz/'.length)}`;
  assert.ok(parseReference(path(255)));
  assert.throws(() => parseReference(path(256)), { message: /longer than 255/ });
});
