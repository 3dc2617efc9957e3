// Every file of functions by what templates see. What each gives for odd arguments is compared with Go in test/interop/template.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderTemplate, type TemplateData } from '../index.ts';
import { allFunctions } from './all.ts';

function all(cases: Readonly<Record<string, string>>, data: TemplateData = {}): void {
  for (const [template, expected] of Object.entries(cases)) {
    assert.equal(renderTemplate(`{{ ${template} }}`, data, { name: 'test', now: () => 1_700_000_000_000 }), expected, template);
  }
}

test('strings are cut, filled and searched', () =>
  all({
    'trunc 3 "héllo" | b64enc': 'aMOp',
    'substr 1 3 "hello"': 'el',
    'nindent 2 "a\\nb"': '\n  a\n  b',
    'replace "o" "0" "foo"': 'f00',
    'cat 1 "a" nil true': '1 a true',
    '(split "," "a,b")._1': 'b',
    'join "-" (list 1 nil "x")': '1-x',
    'quote "a\\"b" 1': '"a\\"b" "1"',
  }));

test('words change their shape', () =>
  all({
    'snakecase "HTTPServer2xx"': 'http_server_2xx',
    'kebabcase "FirstName"': 'first-name',
    'camelcase "http_server"': 'HttpServer',
    'swapcase "aB"': 'Ab',
    'initials "First Try"': 'FT',
    'abbrev 8 "hello world"': 'hello...',
    'wrap 5 "hello world"': 'hello\nworld',
    'untitle "Hello World"': 'hello world',
  }));

test('lists are taken apart and put together', () =>
  all({
    'list 1 2 3 | rest': '[2 3]',
    'uniq (list 1 1 "1")': '[1 1]',
    'without (list 1 2 3) 2': '[1 3]',
    'chunk 2 (list 1 2 3)': '[[1 2] [3]]',
    'concat (list 1) (list 2)': '[1 2]',
    'has 2 (list 1 2)': 'true',
    'sortAlpha (list "b" "a")': '[a b]',
    'slice (list 1 2 3) 1 2': '[2]',
  }));

test('dictionaries are merged and dug into', () =>
  all({
    'merge (dict "a" 1) (dict "a" 2 "b" 3)': 'map[a:1 b:3]',
    'mergeOverwrite (dict "a" 1) (dict "a" 2)': 'map[a:2]',
    'dig "a" "b" "none" (dict "a" (dict "b" 1))': '1',
    'pick (dict "a" 1 "b" 2) "a"': 'map[a:1]',
    'keys (dict "b" 1 "a" 2)': '[a b]',
    'get (dict "a" 1) "x" | quote': '""',
  }));

test('numbers are added as integers, or exactly as decimals', () =>
  all({
    'add 1 "2" 3.9': '6',
    'div -7 2': '-3',
    'addf 0.1 0.2': '0.3',
    'round 2.345 2': '2.35',
    'seq 1 3': '1 2 3',
    'until 3': '[0 1 2]',
    'int "0x10"': '16',
    'max 1 5 3': '5',
    'toDecimal "777"': '511',
  }));

test('texts are encoded and digested', () =>
  all({
    'b64dec "aGk="': 'hi',
    'b32enc "hi"': 'NBUQ====',
    'sha256sum ""': 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    'adler32sum "abc"': '38600999',
    'decryptAES "secret" (encryptAES "secret" "text é")': 'text é',
    'len (randAlphaNum 12)': '12',
    'regexMatch "^[0-9a-f-]{36}$" uuidv4': 'true',
  }));

test('paths and URLs are taken apart', () =>
  all({
    'clean "/a/../b//c/."': '/b/c',
    'dir "/a/b"': '/a',
    'ext "x.tar.gz"': '.gz',
    '(urlParse "https://u:p@h:1/x?q#f").host': 'h:1',
    'urlJoin (dict "scheme" "http" "host" "h" "path" "/a b")': 'http://h/a%20b',
  }));

test('networks give their addresses', () =>
  all({ 'ipNet "10.1.2.3/24"': '10.1.2.0/24', 'ipAt "10.96.0.0/12" 10': '10.96.0.10', 'ipAt "fd00::/64" 16': 'fd00::10' }));

test('documents are read and written', () =>
  all({
    'toYaml (dict "b" (list 1) "a" "yes")': 'a: "yes"\nb:\n- 1',
    '(fromYaml "a: {b: 2}").a.b': '2',
    'fromYaml "[" | len': '1',
    'toJson (dict "a" "<b>")': '{"a":"\\u003cb\\u003e"}',
    'toRawJson "<b>"': '"<b>"',
    'fromJsonArray "[1,2]"': '[1 2]',
    'toToml (dict "a" 1)': 'a = 1\n',
    '(fromToml "[t]\\na = 1").t.a': '1',
  }));

test('expressions find and replace', () =>
  all({
    'regexReplaceAll "(a)(x*)" "-axx-" "${1}W$2"': '-aWxx-',
    'regexFindAll "[a-z]" "a1b2" -1': '[a b]',
    'regexSplit "," "a,b" -1': '[a b]',
    'regexMatch "(" "x"': 'false',
  }));

test('dates come from the clock that the caller gives', () =>
  all({
    'dateInZone "2006-01-02 15:04" now "UTC"': '2023-11-14 22:13',
    'ago (now | dateModify "-90s")': '1m30s',
    'unixEpoch now': '1700000000',
    'durationRound "25h"': '1d',
    '(toDate "2006-01-02" "2024-02-29").Month': 'February',
  }));

test('versions compare', () => all({ 'semverCompare "^1.27.0" "v1.28.0"': 'true', '(semver "1.2.3").Minor': '2' }));

test('defaults and choices', () =>
  all({ 'default "d" ""': 'd', 'coalesce 0 "" 3': '3', 'ternary "y" "n" true': 'y', 'kindOf (list)': 'slice', 'typeOf 1.5': 'float64' }));

test('no function is reachable that sprig does not have, and those left out are named here', () => {
  const leftOut = [
    'bcrypt',
    'htpasswd',
    'genPrivateKey',
    'derivePassword',
    'buildCustomCert',
    'genCA',
    'genSelfSignedCert',
    'genSignedCert',
    'getHostByName',
  ];
  for (const name of leftOut) assert.equal(Object.hasOwn(allFunctions, name), false, name);
  assert.equal(Object.keys(allFunctions).length > 200, true);
});
