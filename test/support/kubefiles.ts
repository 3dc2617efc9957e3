// Kubefiles to be built by us and by others: the forms that published cluster images use, and the corners of the language.

export interface KubefileCase {
  readonly name: string;
  /** What follows FROM. */
  readonly body: string;
  /** More arguments of `build`, for both programs. */
  readonly arguments?: readonly string[];
}

const one = (name: string, body: string, ...args: readonly string[]): KubefileCase => ({ name, body: `${body}\n`, arguments: args });

export const kubefiles: readonly KubefileCase[] = [
  one('nothing', ''),
  one('defaults', 'ENV NAME=${NAME:-"calico"}\nENV NAMESPACE=${NAMESPACE:-"tigera-operator"}\nENV HELM_OPTS=${HELM_OPTS:-""}'),
  one('defaults over lines', 'ENV HELM_OPTS=${HELM_OPTS:-" \\\n--set a=b \\\n--set c.d=e \\\n"}'),
  one('defaults over indented lines', 'ENV HELM_OPTS="--set a=b \\\n  --set c=d \\\n  --set e=f"'),
  one('default of another variable', 'ENV A=1\nENV B=${C:-$A} D=${C:-${A}2} E=${A:+x$A} F=${C:+y}'),
  one('nested quotes in a default', `ENV A=\${A:-'single "x"'} B=\${B:-"double 'y'"}`),
  one('the old form', 'ENV IFACE "eth.*,en.*"\nENV ExtraValues ""\nENV key a  b   c'),
  one('the old form with variables', "ENV A b\nENV C $A d\nENV E 'x  $A' y"),
  one('several on a line', `ENV NAME="web" NAMESPACE='we b' OPTS= LAST=a\\ b`),
  one('escapes', 'ENV A=\\$x B="\\$x" C=\'\\$x\' D=a\\\\b E="a\\\\b" F="a\\"b" G="a\\nb" H=\\"q\\"'),
  one('a lone dollar', 'ENV A=$ B=a$ C="$" D=$$ E=a$$A F=$1x G=${A}'),
  one('names with all that they may hold', 'ENV a_b=1 A9=2 x.y=3\nENV B=$a_b$A9 C=$x.y D=${a_b}9'),
  one('an instruction does not see itself', 'ENV A=1\nENV A=2 B=$A\nENV C=$A$B'),
  one('path is kept', 'ENV PATH=/opt/bin:$PATH\nENV Q=$PATH'),
  one('path is replaced', 'ENV PATH=/only'),
  one(
    'rootfs labels',
    [
      'LABEL init="init-cri.sh \\$registryDomain \\$registryPort && bash init.sh" \\',
      '      clean="clean.sh && bash clean-cri.sh \\$criData" \\',
      '      vip="\\$defaultVIP"',
      'LABEL sealos.io.type="rootfs" sealos.io.version=v1beta1',
    ].join('\n'),
  ),
  one('quoted keys', 'LABEL "apps.sealos.io/type"="rootfs" \'single\'="x" "with blank"=y'),
  one('label in the old form', 'LABEL version 1.2 and more\nLABEL empty ""'),
  one('label with a variable', 'ENV V=1.24\nLABEL version=v$V full="v${V}.0" not=\'$V\''),
  one('label replaced', 'LABEL a=1 b=2\nLABEL a=3'),
  one('cmd of one', 'CMD ["helm upgrade -i $(NAME) $(CHARTS) -n $(NAMESPACE) --create-namespace $(HELM_OPTS)"]'),
  one('cmd of several', 'CMD ["kubectl apply -f a.yaml", "kubectl apply -f b.yaml","bash x.sh"]'),
  one('cmd over lines', 'CMD ["a", \\\n  "b", \\\n# between\n  "c"]'),
  one('cmd with escapes', 'CMD ["sed -i \\"s/a/b/\\" x", "a\\\\b", "tab\\there", "\\u00e9\\u4e2d"]'),
  one('cmd with quotes', `CMD ["sed 's/a/b/' x | cat", "--set args='{a=b,c=d}'"]`),
  one('cmd as shell line', 'CMD kubectl apply -f a && \\\n    kubectl apply -f b'),
  one('cmd broken', 'CMD ["kubectl apply -f a.yaml]'),
  one('cmd broken by single quotes', "CMD ['kubectl']"),
  one('cmd with something behind', 'CMD ["a"] b'),
  one('cmd with variables stays', 'ENV A=1\nCMD ["x $A $(A) ${A}"]'),
  one('cmd empty', 'CMD []'),
  one('cmd without anything', 'CMD'),
  one('cmd twice', 'CMD ["a"]\nCMD b'),
  one('entrypoint and cmd', 'ENTRYPOINT ["a", "b"]\nCMD ["c"]'),
  one('cmd then entrypoint', 'CMD ["c"]\nENTRYPOINT a b'),
  one('entrypoint empty', 'ENTRYPOINT ["a"]\nENTRYPOINT []'),
  one('user', 'USER 65532:65532\nCOPY a.txt .'),
  one('user of a variable', 'ENV U=app\nUSER $U'),
  one('workdirs', 'WORKDIR a\nWORKDIR b/../c\nENV D=x\nWORKDIR $D/y'),
  one('workdir absolute', 'WORKDIR /a/b/\nWORKDIR c'),
  one('expose', 'ENV P="90 91/udp"\nEXPOSE 80 443/tcp $P 100-102'),
  one('volume', 'VOLUME /data /more\nVOLUME ["/with blank"]\nENV V=/v\nVOLUME $V'),
  one('stop signal', 'STOPSIGNAL SIGTERM'),
  one('stop signal by number', 'STOPSIGNAL 9'),
  one('maintainer', 'MAINTAINER  the  sealos people <a@b>'),
  one('lower case', 'env a=1\nlabel b=2\ncmd ["c"]'),
  one('comments and blanks', '# a comment\n\n   ENV A=1\n\t# indented\nENV B=2 # no comment'.replace(' # no comment', ' C="#"')),
  one('comments inside', 'ENV A=1 \\\n# one\n   # two\n\n  B=2'),
  one('args', 'ARG A=1\nARG B\nARG C=c$A\nENV X=$A-$B-$C', '--build-arg', 'B=2', '--build-arg', 'C=3'),
  one('args not declared', 'ENV X=$A', '--build-arg', 'A=1'),
  one('env wins over arg', 'ARG A=1\nENV A=2\nENV X=$A', '--build-arg', 'A=3'),
  one('platform args', 'ARG TARGETARCH\nARG TARGETOS\nENV X=$TARGETOS/$TARGETARCH Y=$TARGETPLATFORM'),
  one(
    'flags',
    'ENV A=1 B=2\nLABEL a=1 b=2\nENV C=$A',
    '--env',
    'A=9',
    '--env',
    'D=x y',
    '--label',
    'a=9',
    '--label',
    'c=',
    '--label',
    'd=e=f',
  ),
  one('byte order of everything', 'ENV Z=1 A=2 M=3\nENV A=4\nLABEL z=1 a=2'),
  one('unicode', 'ENV NAME=größe TEXT="日本 語"\nLABEL k="✓"'),
];

/** Pieces that a generator puts together into instructions. */
const WORDS = [
  'a',
  '$A',
  '${A}',
  '${B:-x}',
  '${A:+y}',
  '"q r"',
  "'s $A'",
  '"d $A"',
  '\\$A',
  '\\ ',
  '-',
  '/',
  '.',
  '${B:-"u v"}',
  '1',
  "''",
  '=',
  ':',
  '"\\$A"',
  '\\\\',
];

/** ENV and LABEL instructions made of all the pieces, the same for the same seed. */
export function generatedKubefile(seed: number): KubefileCase {
  const next = generator(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] ?? (items[0] as T);
  const word = () => Array.from({ length: 1 + Math.floor(next() * 4) }, () => pick(WORDS)).join('');
  const lines = ['ENV A=val'];
  for (let line = 0; line < 12; line++) {
    const keyword = pick(['ENV', 'LABEL', 'ENV', 'ARG']);
    const name = pick(['A', 'C', 'D', 'E_1', 'f.g']);
    const joint = pick([' ', '  ', ' \\\n', ' \\\n  ', ' \\\n# comment\n']);
    if (keyword === 'ARG') lines.push(`ARG ${name}=${word()}`);
    else if (next() < 0.25) lines.push(`${keyword} ${name}${joint}${word()}${joint}${word()}`);
    else lines.push(`${keyword} ${name}=${word()}${joint}${pick(['H', 'I'])}=${word()}`);
  }
  return { name: `generated with seed ${seed}`, body: `${lines.join('\n')}\n` };
}

/** Numbers from 0 to 1 (a linear congruential generator with Numerical Recipes' constants): the same on every machine. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
