// packages/template against Go itself: the same bytes, or the same error at the same place.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { renderTemplate, stringMap, type TemplateData, TemplateError } from '../../packages/template/src/index.ts';
import { dateCases } from '../support/gotemplate/dates.ts';
import { documentCases } from '../support/gotemplate/documents.ts';
import { expressionCases } from '../support/gotemplate/expressions.ts';
import { functionCases } from '../support/gotemplate/functions.ts';
import { generateCases } from '../support/gotemplate/generator.ts';
import { environmentCases, languageCases } from '../support/gotemplate/language.ts';
import { type Oracle, type OracleCase, type OracleResult, openOracle } from '../support/gotemplate/oracle.ts';
import { verbCases } from '../support/gotemplate/verbs.ts';

let oracle: Oracle;

before(async () => {
  process.env['TZ'] = 'UTC'; // the zone that the Go program has
  oracle = await openOracle();
});

after(() => oracle[Symbol.asyncDispose]());

function render({ template, data, name, env, strings }: OracleCase): OracleResult {
  const values = (strings ? stringMap(data as Record<string, string>) : data) as TemplateData;
  try {
    // Go's JSON has U+FFFD for bytes that are not UTF-8.
    return { output: renderTemplate(template, values, { name, env }).toWellFormed(), error: '' };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return { output: '', error: error.message };
  }
}

// Go counts over integers since 1.22; Debian's Go is older and refuses.
function isNewer({ error }: OracleResult): boolean {
  return /range can't iterate over -?[0-9]+$/.test(error);
}

async function compare(cases: readonly OracleCase[]): Promise<void> {
  const expected = await oracle.render(cases);
  const differences: string[] = [];
  for (const [index, one] of cases.entries()) {
    const want = expected[index];
    assert.ok(want !== undefined);
    if (isNewer(want)) continue;
    const got = render(one);
    if (got.error === want.error && (want.error !== '' || got.output === want.output)) continue;
    const show = ({ output, error }: OracleResult) => JSON.stringify(error === '' ? output : { error });
    differences.push(`${one.name}: ${JSON.stringify(one.template)}\n  Go   ${show(want)}\n  here ${show(got)}`);
  }
  assert.equal(differences.length, 0, `${differences.length} of ${cases.length} differ\n${differences.slice(0, 20).join('\n')}`);
}

test('every construct of the language renders, or fails, as in Go', () => compare(languageCases));
test("a cluster image's environment renders as a map of strings does in Go", () => compare(environmentCases));
test('printf prints every kind of value with every verb and flag as Go does', () => compare(verbCases));
test('every function of sprig, Helm and sealos gives what it gives in Go', () => compare(functionCases));
test('YAML, JSON and TOML are written and read as Helm does', () => compare(documentCases));
test('regular expressions find, replace and split as in Go', () => compare(expressionCases));
test('dates are read, moved and printed as in Go', () => compare(dateCases));
test('two thousand generated templates render, or fail, as in Go', () => compare(generateCases(1, 2000)));
