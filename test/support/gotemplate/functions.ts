// Every function with arguments of every kind: what each is made for, and what each is not.
import type { OracleCase } from './oracle.ts';

const data = {
  s: 'hello world',
  empty: '',
  u: 'Héllo, 世界 🎉',
  n: 42,
  f: 3.75,
  neg: -7,
  t: true,
  nil: null,
  list: ['b', 'a', 'c', 'a'],
  ints: [3, 1, 2, 1],
  mixed: [1, 'two', null, 3.5, '', 0, false, [1], { a: 1 }],
  map: { b: 2, a: 1, c: { d: 'x', l: [1] }, e: '' },
  other: { a: 9, z: 0, c: { f: 'new', d: '' } },
  none: [],
  bare: {},
  text: 'line one\nline two\n\n  line four',
};

const strings = ['""', '"hello"', '"Hello World"', '"  spaced out  "', '.u', '"a-b_c d"', '"HTTPServer2xx"', '"12"', '"x=1,y=2"', '.text'];
const anything = [
  '""',
  '"hello"',
  '.u',
  '42',
  '-1',
  '0',
  '3.75',
  'true',
  'nil',
  '.list',
  '.ints',
  '.mixed',
  '.map',
  '.none',
  '.bare',
  '.missing',
  '"12"',
];

// Functions of one string.
const ofString = (
  'trim upper lower title untitle swapcase nospace initials camelcase snakecase kebabcase ' +
  'b64enc b64dec b32enc b32dec sha1sum sha256sum adler32sum base dir clean ext isAbs osBase osDir osClean osExt osIsAbs ' +
  'regexQuoteMeta atoi urlParse fromJson fromJsonArray ipNet env expandenv'
).split(' ');
// Functions of one value of any kind.
const ofAny = (
  'quote squote toString toStrings toJson toPrettyJson toRawJson mustToJson mustToPrettyJson mustToRawJson toYaml toToml empty ' +
  'first last rest initial reverse uniq compact mustFirst mustLast mustRest mustInitial mustReverse mustUniq mustCompact sortAlpha ' +
  'int int64 float64 toDecimal add1 add1f ceil floor typeOf kindOf len not html js urlquery print println deepCopy mustDeepCopy ' +
  'coalesce list tuple all any cat'
).split(' ');
// Functions of two values of any kind.
const ofTwo = (
  'default has mustHas append prepend push mustAppend mustPush mustPrepend without mustWithout concat add sub mul max min biggest addf subf mulf ' +
  'maxf minf deepEqual eq ne lt le gt ge and or coalesce join typeIs kindIs typeIsLike cat list dict print quote div mod divf'
).split(' ');
const pairs = [
  '1 2',
  '2 1',
  '"a" "b"',
  '1.5 2',
  '0.1 0.2',
  '"10" "3"',
  '.list "a"',
  '"a" .list',
  '1 .ints',
  '.ints 1',
  '.map .other',
  'nil 1',
  '1 nil',
  '.missing "x"',
  '"" "d"',
  '.list .ints',
  'true false',
  '7 -2',
  '-7 2',
  '1 0',
  '.none 1',
];

const single: readonly string[] = [
  '{{ trunc 5 .s }} {{ trunc -5 .s }} {{ trunc 0 .s }} {{ trunc 99 .s }} {{ trunc -99 .s }} {{ trunc 3 .u | quote }}',
  '{{ substr 0 5 .s }} {{ substr 6 -1 .s }} {{ substr 3 99 .s }} {{ substr -1 3 .s }}',
  '{{ substr 5 3 .s }}',
  '{{ substr -1 99 .s }}',
  '{{ substr 99 -1 .s }}',
  '{{ repeat 3 "ab" }}{{ repeat 0 "x" }}',
  '{{ repeat -1 "x" }}',
  '{{ trimAll "hd" .s }} {{ trimall "" .s }} {{ trimPrefix "hello" .s }} {{ trimSuffix "world" .s }} {{ trimSuffix "" .s }} {{ trimPrefix "x" .s }}',
  '{{ contains "lo w" .s }} {{ contains "" .s }} {{ hasPrefix "he" .s }} {{ hasSuffix "ld" .s }} {{ contains "x" .s }}',
  '{{ replace "o" "0" .s }} {{ replace "" "-" "abc" }} {{ replace "l" "" .s }} {{ replace "" "-" .u }}',
  '{{ indent 4 .text }}|{{ nindent 2 .text }}|{{ indent 0 "x" }}',
  '{{ plural "one" "many" 1 }} {{ plural "one" "many" 2 }} {{ len .list | plural "one" "many" }}',
  '{{ cat "a" 1 nil true .list }} {{ quote "a" nil 1 "b\\"c" }} {{ squote "a" 1 nil }}',
  '{{ split "," "a,b,c" }} {{ (split "," "a,b,c")._1 }} {{ splitn "," 2 "a,b,c" }} {{ splitList "," "a,b,c" }} {{ splitList "" .u }} {{ split "x" "" }}',
  '{{ splitn "," 0 "a,b" }} {{ splitn "," -1 "a,b,c" }} {{ splitn "" 2 "abc" }}',
  '{{ (split "," "a").missing }}|{{ (split "," "a")._5 }}',
  '{{ join "-" .mixed }} {{ join "," .ints }} {{ join "," "x" }} {{ join "," nil }}',
  '{{ abbrev 5 .s }} {{ abbrev 3 .s }} {{ abbrev 99 .s }} {{ abbrevboth 5 10 "1234 5678 9123 4567" }} {{ abbrevboth 3 8 .s }} {{ abbrevboth 0 6 .s }} {{ abbrevboth 30 9 "the quick brown fox jumps over" }}',
  '{{ wrap 5 .s }}|{{ wrap 3 "abcdefgh ij" }}|{{ wrapWith 4 "<br>" "the quick brown fox" }}|{{ wrapWith 3 "" "abcdefgh" }}|{{ wrap 0 "ab c" }}|{{ wrap 80 .text }}',
  '{{ default "d" .empty }} {{ default "d" .s }} {{ default "d" .nil }} {{ default "d" 0 }} {{ default "d" }} {{ .missing | default "d" }} {{ default .list .none }}',
  '{{ coalesce 0 "" nil "x" "y" }} {{ coalesce }} {{ coalesce nil }} {{ ternary 1 2 true }} {{ false | ternary "a" "b" }} {{ all 1 "" }} {{ any 0 "x" }} {{ all }} {{ any }}',
  '{{ get .map "a" }}|{{ get .map "zz" }}|{{ hasKey .map "a" }}|{{ hasKey .map "zz" }}|{{ pluck "a" .map .other .bare }}|{{ get .map "e" }}',
  '{{ $d := dict "a" 1 }}{{ set $d "b" 2 }}{{ $d }}{{ unset $d "a" }}{{ $d }}{{ $_ := set $d "c" (dict) }}{{ $d }}',
  '{{ keys (dict "a" 1) }} {{ keys .map | sortAlpha }} {{ values (dict "a" 1) }} {{ pick .map "a" "b" "zz" }} {{ omit .map "a" "b" }} {{ keys (dict "a" 1) (dict "b" 2) | sortAlpha }}',
  '{{ dict "a" 1 "b" }} {{ dict 1 2 true 3 nil 4 }} {{ dict "a" 1 "a" 2 }}',
  '{{ merge (dict "a" 1) .map .other | toJson }}',
  '{{ mergeOverwrite (dict "a" 1 "c" (dict "d" "own")) .map .other | toJson }}',
  '{{ $d := dict "x" (dict "y" 1) }}{{ merge $d (dict "x" (dict "y" 2 "z" 3) "w" "") | toJson }}{{ mustMerge $d (dict "q" 1) | toJson }}',
  '{{ merge (dict "a" (dict "b" 1)) (dict "a" "text") | toJson }}',
  '{{ merge (dict "a" "text") (dict "a" (dict "b" 1)) | toJson }}',
  '{{ mergeOverwrite (dict "a" (list 1)) (dict "a" (list 2 3) "e" "") | toJson }}',
  '{{ mergeOverwrite (dict "a" 1 "b" "x" "c" true) (dict "a" 0 "b" "" "c" false) | toJson }}',
  '{{ dig "c" "d" "none" .map }} {{ dig "c" "zz" "none" .map }} {{ dig "zz" "d" "none" .map }} {{ dig "a" 0 .map }}',
  '{{ dig "a" "b" "none" .map }}',
  '{{ dig "a" .map }}',
  '{{ dig 1 "x" .map }}',
  '{{ dig "a" "x" "y" }}',
  '{{ slice .list 1 }} {{ slice .list 1 3 }} {{ slice .list }} {{ slice .none 1 }} {{ mustSlice .list 0 0 }}',
  '{{ slice .list 1 99 }}',
  '{{ slice .list 3 1 }}',
  '{{ slice .s 1 2 }}',
  '{{ slice nil }}',
  '{{ chunk 2 .list }} {{ chunk 3 .ints }} {{ chunk 9 .list }} {{ chunk 1 .none }} {{ range chunk 2 .list }}{{ . }}{{ end }} {{ printf "%T" (chunk 2 .list) }}',
  '{{ concat .list .ints }} {{ concat }} {{ concat .none }} {{ concat (list 1) (list (list 2)) }}',
  '{{ concat .list "x" }}',
  '{{ until 5 }} {{ until -3 }} {{ until 0 }} {{ untilStep 0 10 3 }} {{ untilStep 10 0 -4 }} {{ untilStep 0 5 -1 }} {{ untilStep 0 5 0 }} {{ untilStep 5 0 1 }}',
  '{{ seq 5 }}|{{ seq 2 5 }}|{{ seq 5 2 }}|{{ seq 0 2 10 }}|{{ seq 10 -3 0 }}|{{ seq -3 }}|{{ seq }}|{{ seq 1 2 3 4 }}|{{ seq 5 1 0 }}|{{ seq 0 }}|{{ seq 1 0 5 }}',
  '{{ round 3.14159 2 }} {{ round 2.5 0 }} {{ round -2.5 0 }} {{ round 1.005 2 }} {{ round "3.7" 0 }} {{ round 123.456 -1 }} {{ round 3.14159 2 0.9 }}',
  '{{ add 1 2 3 }} {{ add }} {{ mul 2 3 4 }} {{ add "5" 2.9 true }} {{ sub 1 2 }} {{ div 7 2 }} {{ mod -7 3 }} {{ max 1 5 3 }} {{ min 4 2 8 }}',
  '{{ addf 0.1 0.2 }} {{ addf 1 2.5 "3" }} {{ subf 1 0.9 }} {{ mulf 1.1 1.1 }} {{ divf 1 3 }} {{ divf 10 4 2 }} {{ add1f 1.5 }} {{ maxf 1 2.5 "3" }} {{ minf 1 -2.5 }}',
  '{{ div 1 0 }}',
  '{{ mod 1 0 }}',
  '{{ divf 1 0 }}',
  '{{ mul 9223372036854775807 2 }} {{ add 9223372036854775807 1 }} {{ sub -9223372036854775807 5 }}',
  '{{ int "0x1f" }} {{ int "010" }} {{ int "1.0" }} {{ int "1.5" }} {{ int "x" }} {{ int64 "9223372036854775807" }} {{ int 1e30 }} {{ float64 "1e3" }} {{ float64 "x" }} {{ int "1_000" }}',
  '{{ toDecimal "777" }} {{ toDecimal 644 }} {{ toDecimal "9" }} {{ toDecimal "-17" }}',
  '{{ printf "%T %T %T %T %T %T" (add 1 2) (int 1) (float64 1) (until 1) (splitList "," "a") (dict) }}',
  '{{ has 1 .ints }} {{ has 4 .ints }} {{ has (add 1 0) .ints }} {{ has "a" .list }} {{ has nil .mixed }} {{ has (list 1) .mixed }} {{ has (dict "a" 1) .mixed }}',
  '{{ deepEqual (list 1 2) (list 1 2) }} {{ deepEqual .map .map }} {{ deepEqual 1 1.0 }} {{ deepEqual (list) .none }} {{ deepEqual nil nil }}',
  '{{ semver "v1.2.3-beta.1+b5" }} {{ (semver "1.2.3").Major }} {{ (semver "v1.2").Minor }} {{ (semver "1.2.3-rc.1").Prerelease }} {{ (semver "1.2.3+m").Metadata }} {{ (semver "v1").Original }}',
  '{{ (semver "1.2.3").Compare (semver "1.2.4") }} {{ (semver "1.2.3").LessThan (semver "1.2.4") }} {{ (semver "1.2.3").Equal (semver "v1.2.3") }} {{ (semver "v1.2.3").IncMinor }} {{ (semver "1.2.3-a").IncPatch }}',
  '{{ semver "nope" }}',
  '{{ (semver "1.2.3").Nope }}',
  '{{ urlParse "https://user:p%40ss@host.example:8443/a/b%20c?x=1&y=2#frag" | toJson }}',
  '{{ urlParse "mailto:a@b.c" | toJson }} {{ urlParse "/just/path?q" | toJson }} {{ urlParse "//host/x" | toJson }} {{ urlParse "http://[::1]:80/" | toJson }}',
  '{{ urlParse "http://a b" }}',
  '{{ urlParse "http://host:port/" }}',
  '{{ urlParse ":x" }}',
  '{{ urlParse "a%zz" }}',
  '{{ urlJoin (dict "scheme" "http" "host" "h:80" "path" "/a b" "query" "x=1" "fragment" "f g" "userinfo" "u:p") }} {{ urlJoin (dict "path" "x") }} {{ urlJoin (dict "scheme" "mailto" "opaque" "a@b") }} {{ urlJoin (dict) }}',
  '{{ urlJoin (dict "host" 1) }}',
  '{{ urlJoin (dict "host" "h" "path" "p") }} {{ urlJoin (dict "scheme" "file" "path" "/x") }} {{ urlJoin (urlParse "https://user:p%40ss@host.example:8443/a/b%20c?x=1&y=2#frag") }}',
  '{{ ipNet "10.1.2.3/24" }} {{ ipNet "fd00::1/64" }} {{ ipNet "::ffff:1.2.3.4/120" }} {{ ipAt "10.96.0.0/12" 10 }} {{ ipAt "fd00::/112" 255 }} {{ ipAt "10.0.0.7/24" 0 }} {{ ipNet "0.0.0.0/0" }} {{ ipNet "2001:db8:0:0:1:0:0:1/128" }}',
  '{{ ipNet "10.1.2.3" }}',
  '{{ ipAt "10.0.0.0/24" 256 }}',
  '{{ ipAt "10.0.0.0/24" "x" }}',
  '{{ b64dec "aGVsbG8=" }} {{ b64dec "aGVsbG8" }} {{ b64dec "a!b" }} {{ b64dec "" }} {{ b64dec "YQ==\\n" }} {{ b64dec "YQ" }} {{ b64dec "YQ=x" }} {{ b64dec "gIGC" | b64enc }} {{ b64enc .u }}',
  '{{ b32dec "NBSWY3DP" }} {{ b32dec "nb" }} {{ b32dec "" }} {{ b32enc .u }} {{ b32enc "a" }} {{ b32dec (b32enc .u) }}',
  '{{ fromJson `{"a":[1,2.5,"x",null,true,{"b":{}}],"c":1e3}` }} {{ (fromJson `{"a":1}`).a | typeOf }} {{ fromJsonArray `[1,"a"]` }} {{ fromJson "null" }} {{ fromJson `[1]` }} {{ fromJsonArray `{}` }} {{ mustFromJson `"x"` }}',
  '{{ fromJson "" }} {{ fromJsonArray "" }} {{ fromJson "x" }}',
  '{{ mustFromJson "x" }}',
  '{{ toJson "<a&b>\\u2028\\u0001é" }} {{ toRawJson "<a&b>" }} {{ toPrettyJson .map }} {{ toPrettyJson (list) }} {{ toJson 1e21 }} {{ toJson 1e-7 }} {{ toJson 0.000001 }} {{ toJson 100000000.5 }}',
  '{{ toJson (regexFindAll "x" "y" -1) }} {{ toJson (list) }} {{ toJson .none }} {{ toJson (rest (list 1)) }} {{ toJson (rest (list)) }} {{ toJson (concat .none) }}',
  '{{ env "A" }}|{{ env "MISSING_VARIABLE" }}|{{ expandenv "$A ${A}x $$ ${MISSING_VARIABLE}. $A-b" }}',
  '{{ hello }} {{ typeIs "string" "x" }} {{ kindIs "map" .map }} {{ kindIs "slice" .list }} {{ typeOf .mixed }} {{ typeOf nil }} {{ kindOf nil }} {{ kindIs "float64" .f }} {{ kindIs "int" .n }} {{ typeIsLike "semver.Version" (semver "1.0.0") }}',
  '{{ uniq .list }} {{ uniq (list 1 1.0 "1" 1 nil nil) }} {{ without .list "a" "c" }} {{ compact .mixed }} {{ reverse .list }} {{ sortAlpha .ints }} {{ sortAlpha .mixed }} {{ without .ints 1 }}',
  '{{ first .none }} {{ last .none }} {{ rest .none }} {{ initial .none }} {{ first .list }} {{ last .list }} {{ rest .list }} {{ initial .list }}',
  '{{ first nil }}',
  '{{ first .s }}',
  '{{ append .none 1 }} {{ prepend .list 0 }} {{ append (until 2) "x" }} {{ append "x" 1 }}',
  '{{ has 1 "x" }}',
  '{{ title "hello wORLD foo_bar it\'s x-y é ünder" }} {{ untitle "Hello World" }} {{ swapcase "Hello wORLD é" }} {{ initials "First Try é x" }} {{ nospace " a b\\tc\\n" }} {{ nospace "é x" }}',
  '{{ camelcase "http_server" }} {{ camelcase "_a__b_" }} {{ camelcase "some words here" }} {{ camelcase "HTTPServer" }} {{ camelcase "-" }} {{ camelcase "a" }} {{ camelcase "a_" }}',
  '{{ range list "FirstName" "HTTPServer" "NoHTTPS" "GO_PATH" "GO PATH" "GO-PATH" "http2xx" "HTTP20xOK" "Duration2m3s" "Bld4Floor3rd" "a.b" "1a" "x-Y" "_a_" "ABc" "ÜberX" "a1" "1" "" "A" "aB2" "a..b" "2B" "x2Y3" }}{{ snakecase . }} {{ kebabcase . }};{{ end }}',
];

const versions = [
  '1.27.0',
  'v1.28.3',
  '1.26.9',
  '1.27.0-rc.1',
  '2.0.0',
  '0.2.3',
  '0.0.3',
  '1.2',
  'v1',
  '1.2.3+meta',
  '3.4.5-alpha.2',
  '1.27.16',
];
const constraints = [
  '^1.27.0',
  '>=1.2 <2',
  '>=1.2, <2',
  '~1.27',
  '~1.27.0',
  '1.27.x',
  '1.x',
  '*',
  '',
  'x',
  '>1.27',
  '>1',
  '<1.27',
  '<=1.27',
  '<=1',
  '>=1.27.0-0',
  '!=1.27.0',
  '!=1.27',
  '!=1',
  '=1.27.0',
  '1.27.0',
  'v1.27.0',
  '^0.2.3',
  '^0.0.3',
  '^0',
  '^0.0',
  '^1',
  '~1',
  '~>1.27.0',
  '1.2 - 1.28',
  '^1.26 || ^2',
  '<1 || >2',
  '>1.27.0-alpha',
  '=>1.2',
  '=<1.2',
  '>= 1.2 < 3',
  '^v1.2',
  '1.2.3 1.2.4',
  'nope',
  '>>1',
  '1.2.3.4',
  '~0.0.0',
  '!=1.27.0-rc.1',
  '^1.27.0-beta',
  '>=1.0.0,!=1.27.0',
  '1 || 2',
  '^*',
  '~x',
  '>*',
  '<x',
  '!=x',
];

function corpus(): string[] {
  return [
    ...ofString.flatMap((name) => strings.map((value) => `{{ ${name} ${value} }}`)),
    ...ofAny.flatMap((name) => anything.map((value) => `{{ ${name} ${value} }}`)),
    ...ofTwo.flatMap((name) => pairs.map((pair) => `{{ ${name} ${pair} }}`)),
    ...constraints.flatMap((constraint) => versions.map((version) => `{{ semverCompare "${constraint}" "${version}" }}`)),
    ...single,
  ];
}

// What Go gives is the machine's: addresses in messages, or an order that is random.
function isStable(template: string): boolean {
  return !/keys \.map }}|values \.map/.test(template);
}

/** The corpus. */
export const functionCases: readonly OracleCase[] = corpus()
  .filter(isStable)
  .map((template, index) => ({ name: `function-${index}`, template, data, env: { A: 'value of A' } }));
