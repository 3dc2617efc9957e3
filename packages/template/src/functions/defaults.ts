// sprig: defaults, choices, types, flow.
import { FunctionError } from '../error.ts';
import { type FunctionMap, fn } from '../function.ts';
import { kindName, typeName } from '../value.ts';
import { isEmpty } from './convert.ts';
import { deepEqual } from './deep.ts';

export const defaultFunctions: FunctionMap = {
  default: fn(['any', '...any'], (fallback, given) => (isEmpty(given[0]) ? fallback : given[0])),
  empty: fn(['any'], isEmpty),
  coalesce: fn(['...any'], (values) => values.find((value) => !isEmpty(value)) ?? null),
  all: fn(['...any'], (values) => !values.some(isEmpty)),
  any: fn(['...any'], (values) => values.some((value) => !isEmpty(value))),
  ternary: fn(['any', 'any', 'bool'], (whenTrue, whenFalse, choice) => (choice ? whenTrue : whenFalse)),
  typeOf: fn(['any'], typeName),
  typeIs: fn(['string', 'any'], (name, value) => name === typeName(value)),
  typeIsLike: fn(['string', 'any'], (name, value) => [name, `*${name}`].includes(typeName(value))),
  kindOf: fn(['any'], kindName),
  kindIs: fn(['string', 'any'], (name, value) => name === kindName(value)),
  deepEqual: fn(['any', 'any'], (left, right, { budget }) => deepEqual(left, right, budget)),
  fail: fn(['string'], (message) => {
    throw new FunctionError(message);
  }),
  env: fn(['string'], (name, { env }) => (Object.hasOwn(env, name) ? env[name] : '')),
  expandenv: fn(['string'], (text, { env }) =>
    text.replace(/\$(?:\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*|[*#$@!?\-0-9]))/g, (_, braced?: string, bare?: string) => {
      const name = braced ?? bare ?? '';
      return Object.hasOwn(env, name) ? (env[name] ?? '') : '';
    }),
  ),
};
