// Variables mean what they mean to a shell: bash is asked.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { expandDocument, expandWord } from './expand.ts';

const VALUES: Readonly<Record<string, string>> = { A: 'registry.example.org/team/web:1.2.3', B: 'a*b?c', E: '', P: '*.', N: 'x' };
const lookup = (name: string) => VALUES[name];

/** What bash makes of words inside of double quotes, one answer each. */
function bash(words: readonly string[]): readonly string[] {
  const script = words.map((word) => `printf '%s\\0' ${word}`).join('\n');
  const result = spawnSync('bash', ['-c', script], { env: { ...VALUES, PATH: process.env['PATH'] }, encoding: 'utf8' });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout.split('\0').slice(0, -1);
}

const PATTERNS = [
  '*',
  '?',
  '*/',
  '*:',
  ':*',
  '.',
  '*.',
  '.*',
  'registry',
  '1.2.3',
  '??',
  're*y',
  'nothing',
  '/team/*',
  '\\*',
  'a\\*',
  '*b',
  'x',
];

test('defaults, prefixes, suffixes and replacements are those of bash', () => {
  const words: string[] = [];
  for (const name of ['A', 'B', 'E', 'N', 'UNSET']) {
    words.push(`"\${${name}}"`, `"$${name}"`);
    for (const operator of [':-', '-', ':+', '+'])
      words.push(`"\${${name}${operator}word}"`, `"\${${name}${operator}}"`, `"\${${name}${operator}$N-\${A#*/}}"`);
    for (const operator of ['#', '##', '%', '%%']) for (const pattern of PATTERNS) words.push(`"\${${name}${operator}${pattern}}"`);
    for (const operator of ['/', '//'])
      for (const pattern of PATTERNS.filter((one) => !one.includes('/')))
        words.push(`"\${${name}${operator}${pattern}/new}"`, `"\${${name}${operator}${pattern}/}"`);
  }
  const expected = bash(words);
  for (const [index, word] of words.entries()) assert.equal(expandWord(word, lookup), expected[index], word);
});

test('a variable that has to be set and is not is an error with its words', () => {
  assert.equal(expandWord('${A:?no}', lookup), VALUES['A']);
  assert.equal(expandWord('${E?no}', lookup), '');
  assert.throws(() => expandWord('${E:?is empty}', lookup), /E is not set: is empty/);
  assert.throws(() => expandWord('${UNSET?}', lookup), /UNSET is not set$/);
  assert.throws(() => expandWord('${A!x}', lookup), /neither/);
  assert.throws(() => expandWord('${A#x', lookup), /lacks a closing }/);
});

test('a here-document has its variables replaced as a shell does it: quotes mean nothing, four characters can be escaped', () => {
  const document = 'A=$A "$N" \'${N}\' \\$A \\\\ \\n \\"x\\" ${E:-empty} ${UNSET:-"q"}\ncontinued \\\nline\n$ 100% \\`x\\`\n';
  const result = spawnSync('bash', ['-c', `cat <<EOF\n${document}EOF\n`], {
    env: { ...VALUES, PATH: process.env['PATH'] },
    encoding: 'utf8',
  });
  assert.equal(expandDocument(document, lookup), result.stdout);
});
