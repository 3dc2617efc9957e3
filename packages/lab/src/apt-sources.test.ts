import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseMirror, parseDeb822, parseOsRelease, parseSourcesList } from './apt-sources.ts';

const bookworm = { id: 'debian', codename: 'bookworm' };

test('the one-line format gives what deb lines name, without options, comments and source packages', () => {
  const text = `# deb http://old.example/debian bookworm main
deb-src http://a.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/k.gpg] http://a.example/debian bookworm main contrib # ours
deb  http://b.example/debian-security   bookworm-security main
`;
  assert.deepEqual(parseSourcesList(text), [
    { uri: 'http://a.example/debian', suite: 'bookworm', components: ['main', 'contrib'] },
    { uri: 'http://b.example/debian-security', suite: 'bookworm-security', components: ['main'] },
  ]);
});

test('the deb822 format gives every uri with every suite of the stanzas that are enabled and binary', () => {
  const text = `Types: deb deb-src
# a note in between
URIs: http://a.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/k.gpg

Types: deb-src
URIs: http://src.example/debian
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
`;
  assert.deepEqual(parseDeb822(text), [
    { uri: 'http://a.example/debian', suite: 'bookworm', components: ['main'] },
    { uri: 'http://a.example/debian', suite: 'bookworm-updates', components: ['main'] },
  ]);
});

test("the mirror is the first that holds the machine's own release, not a stranger's repository or a part of it", () => {
  const sources = [
    { uri: 'https://tools.example/apt', suite: 'bookworm', components: ['stable'] },
    { uri: 'mirror+file:/etc/apt/mirrors', suite: 'bookworm', components: ['main'] },
    { uri: 'http://a.example/debian', suite: 'bookworm-updates', components: ['main'] },
    { uri: 'http://a.example/debian/', suite: 'bookworm', components: ['main'] },
  ];
  assert.deepEqual(chooseMirror(bookworm, sources), { uri: 'http://a.example/debian', suite: 'bookworm', components: ['main'] });
});

test('on Ubuntu the universe component is used too, as ipvsadm and others are there', () => {
  const os = parseOsRelease('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n');
  const sources = parseSourcesList('deb http://u.example/ubuntu noble main restricted');
  assert.deepEqual(chooseMirror(os, sources), { uri: 'http://u.example/ubuntu', suite: 'noble', components: ['main', 'universe'] });
});

test('a machine without a codename takes the release that its sources name', () => {
  const os = parseOsRelease('ID=debian\nPRETTY_NAME="Debian GNU/Linux"\n');
  assert.equal(chooseMirror(os, parseSourcesList('deb http://a.example/debian sid main'))?.suite, 'sid');
});

test('without any Debian source there is no mirror', () => {
  assert.equal(chooseMirror(bookworm, []), undefined);
});
