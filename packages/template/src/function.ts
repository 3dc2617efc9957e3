// What a template function is, and how one is declared: the types of its parameters decide, as in Go, which arguments a call accepts.
import type { Budget, Dict, Instance, Int, List, Value } from './value.ts';

/** The surroundings of a call. */
export interface Context {
  readonly budget: Budget;
  /** What `env` sees. */
  readonly env: Readonly<Record<string, string>>;
  /** The time that `now` gives, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Parameter types, by short names, and what the function receives for them. */
export interface ParameterTypes {
  string: string;
  bool: boolean;
  /** Go's int, as a number: precise up to 2^53, which is enough for counts and widths. */
  int: number;
  int64: bigint;
  float64: number;
  /** interface{}: anything; nil and missing are both null. */
  any: Value;
  /** reflect.Value: anything; nil is null, missing is undefined. */
  value: Value;
  list: List;
  strings: List;
  dict: Dict;
  time: Instance;
}

export type BaseType = keyof ParameterTypes;
export type ParameterType = BaseType | `...${BaseType}`;

type Received<T extends ParameterType> = T extends `...${infer B extends BaseType}`
  ? readonly ParameterTypes[B][]
  : T extends BaseType
    ? ParameterTypes[T]
    : never;

type Arguments<P extends readonly ParameterType[]> = { [K in keyof P]: Received<P[K]> };

/** A function as the evaluator calls it. */
export interface GoFunction {
  /** Types of the fixed parameters. */
  readonly fixed: readonly BaseType[];
  /** Type of the repeated last parameter, if there is one. */
  readonly repeated: BaseType | undefined;
  readonly call: (values: readonly Value[], context: Context) => Value;
}

/** Functions by the names that templates call. */
export type FunctionMap = Readonly<Record<string, GoFunction>>;

/** Go's names of the parameter types, for errors. */
export const GO_TYPES: Readonly<Record<BaseType, string>> = {
  string: 'string',
  bool: 'bool',
  int: 'int',
  int64: 'int64',
  float64: 'float64',
  any: 'interface {}',
  value: 'reflect.Value',
  list: '[]interface {}',
  strings: '[]string',
  dict: 'map[string]interface {}',
  time: 'time.Time',
};

function received(type: BaseType, value: Value): unknown {
  if (type === 'int') return Number((value as Int).value);
  if (type === 'int64') return (value as Int).value;
  return value;
}

/**
 * Declares a function: `fn(['string', '...any'], (format, rest, context) => …)`. The evaluator has checked the arguments against
 * the types when `call` runs. Fail with FunctionError; use `context.budget` before making anything whose size the template chooses.
 */
export function fn<const P extends readonly ParameterType[]>(types: P, call: (...args: [...Arguments<P>, Context]) => Value): GoFunction {
  const last = types.at(-1);
  const repeated = last?.startsWith('...') ? (last.slice(3) as BaseType) : undefined;
  const fixed = (repeated === undefined ? types : types.slice(0, -1)) as readonly BaseType[];
  return {
    fixed,
    repeated,
    call: (values, context) => {
      const args: unknown[] = fixed.map((type, index) => received(type, values[index]));
      if (repeated !== undefined) args.push(values.slice(fixed.length).map((value) => received(repeated, value)));
      args.push(context);
      return call(...(args as [...Arguments<P>, Context]));
    },
  };
}
