import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Script } from '../host/script.ts';
import { expandCommand, guestScript, scriptLine } from './commands.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'sealos-commands-'));
});
after(() => rmSync(dir, { recursive: true }));

function bash(script: Script) {
  const { status, stdout, stderr } = spawnSync('bash', ['-s'], {
    input: script.text,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] },
  });
  return { status, stdout, stderr };
}

const env = new Map([
  ['NAME', 'web'],
  ['HELM_OPTS', '--set a=b --set c=d'],
  ['EMPTY', ''],
  ['hostname', 'h1'],
]);

for (const [written, expanded] of [
  ['$(NAME)', 'web'],
  ['${NAME}', 'web'],
  ['$NAME', 'web'],
  ['$NAME-x', 'web-x'],
  ['$NAMES', '$NAMES'],
  ['helm $(NAME) $(HELM_OPTS) $(EMPTY)', 'helm web --set a=b --set c=d '],
  ['$(hostname)', 'h1'],
  ['$(date +%s)', '$(date +%s)'],
  ['$(kubectl get ns $(NAME) -o name)', '$(kubectl get ns web -o name)'],
  ['$(kubectl get ns $NAME)', '$(kubectl get ns web)'],
  ['$(UNKNOWN) ${UNKNOWN} $UNKNOWN', '$(UNKNOWN) ${UNKNOWN} $UNKNOWN'],
  ['${NAME:-x} ${V:-$(NAME)}', '${NAME:-x} ${V:-web}'],
  ['$$NAME $$(NAME) $${NAME}', '$NAME $(NAME) ${NAME}'],
  ['kill $$', 'kill $$'],
  ['test $? = $1 $', 'test $? = $1 $'],
  ['echo \\$NAME', 'echo \\$NAME'],
] as const) {
  test(`a command's ${written} becomes ${expanded}`, () => assert.equal(expandCommand(written, env), expanded));
}

test('a value with every character that a shell knows reaches a lifecycle script unchanged', () => {
  writeFileSync(join(dir, 'init.sh'), 'printf "%s|" "$@"; printf %s "$NASTY"; cat');
  const nasty = `a"b'c$HOME\`id\`\\ \n;*`;
  const result = bash(
    scriptLine(
      'init.sh $domain "$NASTY" && echo then',
      new Map([
        ['domain', 'sealos.hub'],
        ['NASTY', nasty],
        ['not.shell', 'x'],
      ]),
      dir,
    ),
  );
  assert.deepEqual(result, { status: 0, stdout: `sealos.hub|${nasty}|${nasty}then\n`, stderr: '' });
});

test('a password in the environment is known as a secret, an ordinary value is not', () => {
  assert.deepEqual(
    scriptLine(
      'x',
      new Map([
        ['registryPassword', 'hunter22'],
        ['a', 'b'],
        ['otherPassword', ''],
      ]),
      dir,
    ).secrets,
    ['hunter22'],
  );
});

test('a lifecycle script ends with the status of the first link that fails', () => {
  writeFileSync(join(dir, 'seven.sh'), 'exit 7');
  assert.equal(bash(scriptLine('seven.sh && echo no # a comment', new Map(), dir)).status, 7);
});

test('commands run in order in one directory, and none sees the cd or variables of another', () => {
  const result = bash(guestScript(['pwd; X=1; cd /', 'pwd', 'echo "${X:-none} $(NAME) $NAME"'], env, dir));
  assert.deepEqual(result, { status: 0, stdout: `${dir}\n${dir}\nnone web web\n`, stderr: '' });
});

test('the first command that fails ends an image, with its number and its status', () => {
  const result = bash(guestScript(['echo one', 'exit 3', 'echo three'], env, dir));
  assert.deepEqual(result, { status: 3, stdout: 'one\n', stderr: 'sealos: command 2 of 3 ended with status 3\n' });
});

test('with keepGoing all commands run and the last status counts', () => {
  const good = bash(guestScript(['exit 3', 'echo two'], env, dir, { keepGoing: true }));
  assert.deepEqual(good, { status: 0, stdout: 'two\n', stderr: 'sealos: command 1 of 2 ended with status 3\n' });
  assert.equal(bash(guestScript(['true', 'exit 4'], env, dir, { keepGoing: true })).status, 4);
});

test('a syntax error, an unclosed quote and set -e stay inside their command', () => {
  assert.match(bash(guestScript(["echo 'open", 'echo no'], env, dir)).stderr, /command 1 of 2 ended with status/);
  assert.match(bash(guestScript([')', 'echo no'], env, dir)).stderr, /command 1 of 2 ended with status/);
  assert.equal(bash(guestScript(['set -e; false; echo no', 'echo no'], env, dir)).stdout, '');
});

test('a command that reads its input finds none, and the next still runs', () => {
  assert.equal(bash(guestScript(['cat', 'echo next'], env, dir)).stdout, 'next\n');
});
