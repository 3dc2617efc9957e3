import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseOf, evaluateStage } from './evaluate.ts';
import type { Kubefile, Stage } from './instruction.ts';
import { parseKubefile } from './parse.ts';

const platform = { os: 'linux', architecture: 'amd64' };

function evaluate(body: string, more: object = {}) {
  const kubefile = parseKubefile(`FROM scratch\n${body}`);
  return evaluateStage(kubefile, only(kubefile), undefined, { platform, ...more });
}

function only({ stages }: Kubefile): Stage {
  const [stage] = stages;
  assert.ok(stage);
  return stage;
}

function envOf(body: string, more: object = {}): readonly string[] {
  return (evaluate(body, more).config.Env ?? []).filter((pair) => !pair.startsWith('PATH='));
}

function refusal(source: string): string {
  try {
    const kubefile = parseKubefile(source);
    baseOf(kubefile, only(kubefile), { platform });
    evaluateStage(kubefile, only(kubefile), undefined, { platform });
  } catch (error) {
    assert.ok(error instanceof Error && 'exitCode' in error);
    assert.equal(error.exitCode, 2);
    return error.message;
  }
  assert.fail('it was accepted');
}

test('a default is taken when the variable is not set, and may be empty', () => {
  assert.deepEqual(envOf('ENV NAME=${NAME:-"calico"} OPTS=${OPTS:-""}\n'), ['NAME=calico', 'OPTS=']);
});

test('a value over several lines becomes one line', () => {
  assert.deepEqual(envOf('ENV OPTS=${OPTS:-" \\\n--set a=b \\\n--set c=d \\\n"}\n'), ['OPTS= --set a=b --set c=d ']);
});

test('the old form of ENV takes the rest of the line', () => {
  assert.deepEqual(envOf('ENV IFACE "eth.*,en.*"\nENV E ""\nENV  N  a b\n'), ['IFACE=eth.*,en.*', 'E=', 'N=a b']);
});

test('an escaped dollar is stored as it is, for the shell on the host', () => {
  const { config } = evaluate('LABEL init="init-cri.sh \\$registryDomain \\$registryPort && bash init.sh" vip=\\$defaultVIP\n');
  assert.deepEqual(config.Labels, { init: 'init-cri.sh $registryDomain $registryPort && bash init.sh', vip: '$defaultVIP' });
});

test('an instruction does not see its own variables, the next does', () => {
  assert.deepEqual(envOf('ENV A=1 B=x$A\nENV C=$A$B\n'), ['A=1', 'B=x', 'C=1x']);
});

test('CMD as JSON is a list of lines; broken JSON becomes a shell line', () => {
  assert.deepEqual(evaluate('CMD ["kubectl apply -f a", "x $(NAME)"]\n').config.Cmd, ['kubectl apply -f a', 'x $(NAME)']);
  assert.deepEqual(evaluate('CMD ["kubectl ]\n').config.Cmd, ['/bin/sh', '-c', '["kubectl ]']);
  assert.deepEqual(evaluate('CMD a \\\n  && b\n').config.Cmd, ['/bin/sh', '-c', 'a   && b']);
});

test('flags of the command line win over the file', () => {
  const { config } = evaluate('ENV A=1 B=2\nLABEL x=1\n', { env: { A: '9' }, labels: { x: '2', y: '3' } });
  assert.deepEqual(config.Env?.slice(1), ['B=2', 'A=9']);
  assert.deepEqual(config.Labels, { x: '2', y: '3' });
});

test('ARG gives its default, a build argument wins, an undeclared one is not known', () => {
  assert.deepEqual(envOf('ARG A=1\nARG B=2\nENV X=$A$B$C\n', { buildArgs: { B: '3', C: '4' } }), ['X=13']);
});

test('names that every object has are names like others', () => {
  assert.deepEqual(envOf('ARG constructor=1\nENV X=$constructor$toString\nENV __proto__=2\n'), ['X=1', '__proto__=2']);
});

test('FROM takes an ARG that stands before it', () => {
  const kubefile = parseKubefile('ARG V=1.2\nFROM labring/kubernetes:v$V AS base\n');
  assert.equal(baseOf(kubefile, only(kubefile), { platform }).image, 'labring/kubernetes:v1.2');
  assert.equal(baseOf(kubefile, only(kubefile), { platform, buildArgs: { V: '2' } }).image, 'labring/kubernetes:v2');
});

test('comments, empty lines and a byte order mark do not matter', () => {
  const kubefile = parseKubefile('\ufeff# first\r\n\r\n  FROM scratch\r\nENV A=1 \\\r\n# between\r\n\r\n  B=2\r\n');
  assert.deepEqual(
    only(kubefile).instructions.map(({ line, text }) => [line, text]),
    [[4, 'ENV A=1   B=2']],
  );
});

test('COPY destinations are absolute, relative ones below WORKDIR', () => {
  const { steps } = evaluate('COPY a b/\nWORKDIR /w\nCOPY . .\nCOPY ["a b", "c/../d"]\nCOPY --chmod=755 --chown=1:2 x /y\n');
  const copies = steps.flatMap((step) => (step.kind === 'copy' ? [[step.destination, step.sources, step.chmod, step.chown]] : []));
  assert.deepEqual(copies, [
    ['/b/', ['a'], undefined, undefined],
    ['/w/', ['.'], undefined, undefined],
    ['/w/d', ['a b'], undefined, undefined],
    ['/y', ['x'], 0o755, '1:2'],
  ]);
});

test('a wrong line is named with its number', () => {
  assert.equal(refusal('FROM scratch\nFOO bar\n'), 'Kubefile:2: there is no instruction FOO');
  assert.equal(refusal('FROM scratch\n\nRUN\n'), 'Kubefile:3: RUN needs a command');
  assert.equal(
    refusal('FROM scratch\nRUN --mount=type=nfs x\n'),
    "Kubefile:2: --mount=type=nfs: a mount of type 'nfs' is not known: bind, cache, tmpfs, secret or ssh",
  );
  assert.equal(refusal('FROM scratch\nCOPY <<EOF /x\nhi\n'), 'Kubefile:2: the here-document EOF does not end');
  assert.equal(
    refusal('FROM scratch\nADD --from=a b c\n'),
    "Kubefile:2: ADD knows no flag '--from=a', only --chown, --chmod, --checksum, --link and --exclude",
  );
  assert.equal(refusal('FROM scratch\nONBUILD FROM x\n'), 'Kubefile:2: ONBUILD cannot keep FROM');
  assert.equal(refusal('FROM scratch\nONBUILD COPY x\n'), 'Kubefile:2: COPY needs at least one source and a destination');
  assert.equal(refusal('FROM scratch\nSHELL sh\n'), 'Kubefile:2: SHELL takes the JSON form only, SHELL ["/bin/sh", "-c"]');
  assert.equal(refusal('FROM scratch\nHEALTHCHECK --interval=x CMD a\n'), "Kubefile:2: '--interval=x' is not a time such as 30s or 1m30s");
  assert.equal(refusal('FROM scratch AS 1x\n'), "Kubefile:1: '1x' cannot name a stage");
  assert.equal(refusal('FROM scratch\nCOPY a\n'), 'Kubefile:2: COPY needs at least one source and a destination');
  assert.equal(refusal('FROM scratch\nENV a=b c\n'), "Kubefile:2: 'c' is not NAME=VALUE (a value with blanks needs quotes)");
  assert.equal(refusal('FROM scratch\nENV a="b\n'), 'Kubefile:2: "b lacks a closing double quote');
  assert.equal(refusal('FROM scratch\nENV a=${b:?c}\n'), 'Kubefile:2: b is not set: c');
  assert.equal(refusal('FROM scratch\nCMD ["a", 1]\n'), 'Kubefile:2: the JSON form takes strings only');
  assert.equal(refusal('FROM scratch\nCOPY --chmod=rwx a b\n'), 'Kubefile:2: --chmod=rwx is not an octal mode such as 0755');
  assert.equal(refusal('ENV a=b\nFROM scratch\n'), 'Kubefile:1: only ARG can stand before FROM, not ENV');
  assert.equal(refusal('# nothing\n'), 'Kubefile:1: there is no FROM');
  assert.equal(refusal('FROM $X\n'), 'Kubefile:1: FROM $X names no image: the variable is not set');
});
