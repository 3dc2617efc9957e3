// Calls: arguments are evaluated against the types of the parameters, as Go does it, and failures carry the function's name.
import type { Node, OperandNode } from './ast.ts';
import { nodeText } from './ast.ts';
import { FunctionError } from './error.ts';
import {
  constant,
  evaluateChain,
  evaluateField,
  evaluateFunction,
  evaluatePipeline,
  evaluateVariable,
  type Final,
  NONE,
} from './expression.ts';
import { type BaseType, GO_TYPES, type GoFunction } from './function.ts';
import { fail, isBoxed, type Operand, operandType, type State, unboxed } from './state.ts';
import { int, isTrue, nilDict, nilList, type Value } from './value.ts';

interface Call {
  readonly target: GoFunction;
  readonly name: string;
  /** Where a failure of the function itself is reported. */
  readonly node: Node;
  /** The arguments, without the function's name. */
  readonly operands: readonly OperandNode[];
  readonly final: Final;
}

const NILLABLE: ReadonlySet<BaseType> = new Set(['any', 'value', 'list', 'strings', 'dict'] satisfies BaseType[]);

function nilOf(type: BaseType): Value {
  if (type === 'value') return undefined;
  if (type === 'any') return null;
  return type === 'dict' ? nilDict() : nilList(type === 'strings' ? 'string' : undefined);
}

function isAssignable(value: Value, type: BaseType): boolean {
  return type === 'any' || type === 'value' || operandType(value) === GO_TYPES[type];
}

// Go's validateType: the value as an argument of this type.
function validated(state: State, operand: Operand, type: BaseType): Value {
  if (operand === undefined) {
    if (NILLABLE.has(type)) return nilOf(type);
    return fail(state, `invalid value; expected ${GO_TYPES[type]}`);
  }
  if (operand === null) {
    if (type === 'any' || type === 'value') return null;
    return fail(state, `wrong type for value; expected ${GO_TYPES[type]}; got interface {}`);
  }
  const value = isBoxed(operand) ? operand.value : operand;
  if (isAssignable(value, type)) return value;
  return fail(state, `wrong type for value; expected ${GO_TYPES[type]}; got ${operandType(value)}`);
}

function literal(state: State, type: BaseType, node: OperandNode & { kind: 'bool' | 'number' | 'string' }): Value {
  switch (type) {
    case 'any':
    case 'value':
      return node.kind === 'number' ? constant(state, node) : node.value;
    case 'bool':
      return node.kind === 'bool' ? node.value : fail(state, `expected bool; found ${nodeText(node)}`);
    case 'string':
      return node.kind === 'string' ? node.value : fail(state, `expected string; found ${nodeText(node)}`);
    case 'int':
    case 'int64':
      if (node.kind === 'number' && node.literal.int !== undefined) return int(node.literal.int, type);
      return fail(state, `expected integer; found ${nodeText(node)}`);
    case 'float64':
      if (node.kind === 'number' && node.literal.float !== undefined) return node.literal.float;
      return fail(state, `expected float; found ${nodeText(node)}`);
    default:
      return fail(state, `can't handle ${nodeText(node)} for arg of type ${GO_TYPES[type]}`);
  }
}

/** The value of an operand as an argument of this type. */
export function evaluateArgument(state: State, dot: Operand, type: BaseType, node: OperandNode): Value {
  state.node = node;
  switch (node.kind) {
    case 'dot':
      return validated(state, dot, type);
    case 'nil':
      return NILLABLE.has(type) ? nilOf(type) : fail(state, `cannot assign nil to ${GO_TYPES[type]}`);
    case 'field':
      return validated(state, evaluateField(state, dot, node, [], NONE), type);
    case 'variable':
      return validated(state, evaluateVariable(state, dot, node, [], NONE), type);
    case 'pipe':
      return validated(state, evaluatePipeline(state, dot, node), type);
    case 'identifier':
      return validated(state, evaluateFunction(state, dot, node, node, [], NONE), type);
    case 'chain':
      return validated(state, evaluateChain(state, dot, node, [], NONE), type);
    default:
      return literal(state, type, node);
  }
}

function checkCount(state: State, { target, name, operands, final }: Call): void {
  const given = operands.length + (final === NONE ? 0 : 1);
  const wanted = target.fixed.length;
  if (target.repeated === undefined && given !== wanted) fail(state, `wrong number of args for ${name}: want ${wanted} got ${given}`);
  if (given < wanted) fail(state, `wrong number of args for ${name}: want at least ${wanted} got ${operands.length}`);
}

// `and` and `or` evaluate their arguments only until the result is known.
function shortCircuit(state: State, dot: Operand, { name, operands, final }: Call): Operand {
  let value: Operand;
  for (const operand of operands) {
    value = evaluateArgument(state, dot, 'value', operand);
    if (isTrue(value) === (name === 'or')) return value;
  }
  return final === NONE ? value : unboxed(final);
}

/** Marks the two functions whose arguments are not all evaluated. */
export const SHORT_CIRCUIT: GoFunction = { fixed: ['value'], repeated: 'value', call: () => undefined };

/** Evaluates the arguments and calls. */
export function callFunction(state: State, dot: Operand, call: Call): Operand {
  const { target, name, operands, final } = call;
  checkCount(state, call);
  state.context.budget.work(1);
  if (target === SHORT_CIRCUIT) return shortCircuit(state, dot, call);
  const typeAt = (index: number): BaseType => target.fixed[index] ?? target.repeated ?? 'any';
  const values = operands.map((operand, index) => evaluateArgument(state, dot, typeAt(index), operand));
  if (final !== NONE) values.push(validated(state, final, typeAt(values.length)));
  let result: Value;
  try {
    result = target.call(values, state.context);
  } catch (error) {
    if (!(error instanceof FunctionError)) throw error;
    state.node = call.node;
    return fail(state, `error calling ${name}: ${error.message}`);
  }
  if (typeof result === 'string') state.context.budget.text(result.length);
  return result;
}
