// Helm and sealos: YAML and TOML. Helm's functions never fail: what cannot be read or written shows in the result.
import { parse as parseToml, TomlError } from 'smol-toml';
import { FunctionError } from '../error.ts';
import { type Context, type FunctionMap, fn } from '../function.ts';
import { writeToml } from '../toml.ts';
import { dict, isDict, isList, list, type Value } from '../value.ts';
import { readYaml } from '../yaml/read.ts';
import { writeYaml } from '../yaml/write.ts';
import { errorDict, fromPlain, jsonKind } from './json.ts';

// The result, or what the failure makes of it.
function attempt(work: () => Value, failed: (message: string) => Value): Value {
  try {
    return work();
  } catch (error) {
    if (error instanceof FunctionError || error instanceof TomlError) return failed(error.message);
    throw error;
  }
}

function unmarshalError(value: Value, type: string): FunctionError {
  return new FunctionError(
    `error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(value)} into Go value of type ${type}`,
  );
}

function toYaml(value: Value, { budget }: Context): Value {
  return attempt(
    () => writeYaml(value, budget),
    () => '',
  );
}

function fromYaml(text: string, { budget }: Context): Value {
  return attempt(() => {
    const value = readYaml(text, budget);
    if (value === null) return dict();
    if (isDict(value)) return value;
    throw unmarshalError(value, 'map[string]interface {}');
  }, errorDict);
}

function fromYamlArray(text: string, { budget }: Context): Value {
  return attempt(
    () => {
      const value = readYaml(text, budget);
      if (value === null) return list([]);
      if (isList(value)) return value;
      throw unmarshalError(value, '[]interface {}');
    },
    (message) => list([message]),
  );
}

export const documentFunctions: FunctionMap = {
  toYaml: fn(['any'], toYaml),
  fromYaml: fn(['string'], fromYaml),
  fromYamlArray: fn(['string'], fromYamlArray),
  toToml: fn(['any'], (value, { budget }) => {
    if (value === null) throw new FunctionError('reflect: call of reflect.Value.Type on zero Value');
    return attempt(
      () => writeToml(value, budget),
      (message) => message,
    );
  }),
  fromToml: fn(['string'], (text, { budget }) => {
    budget.work(text.length / 4);
    return attempt(() => fromPlain(parseToml(text), budget), errorDict);
  }),
};
