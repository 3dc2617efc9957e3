// Pipelines, commands, fields: how an expression gets its value.
import type { ChainNode, CommandNode, FieldNode, IdentifierNode, Node, NumberNode, OperandNode, PipeNode, VariableNode } from './ast.ts';
import { nodeText } from './ast.ts';
import { callFunction, evaluateArgument } from './call.ts';
import { isFloatText } from './number.ts';
import { quote } from './quote.ts';
import { boxed, fail, type Operand, operandType, type State, unboxed, variableNamed } from './state.ts';
import { int, isDict, isInstance, type Value } from './value.ts';

/** Marks the absence of a value from the preceding stage of a pipeline. */
export const NONE = Symbol('no preceding value');
export type Final = Operand | typeof NONE;

/** The value of a pipeline; declares or assigns its variables. */
export function evaluatePipeline(state: State, dot: Operand, pipe: PipeNode): Value {
  state.node = pipe;
  let value: Final = NONE;
  for (const command of pipe.commands) value = unboxed(evaluateCommand(state, dot, command, value));
  const result: Value = value === NONE ? undefined : value;
  for (const variable of pipe.declared) {
    const name = variable.names[0] ?? '';
    if (pipe.assigns) variableNamed(state, name).value = result;
    else state.variables.push({ name, value: result });
  }
  return result;
}

function notAFunction(state: State, operands: readonly OperandNode[], final: Final): void {
  const [first] = operands;
  if (first !== undefined && (operands.length > 1 || final !== NONE)) fail(state, `can't give argument to non-function ${nodeText(first)}`);
}

function evaluateCommand(state: State, dot: Operand, command: CommandNode, final: Final): Operand {
  const { operands } = command;
  const [first] = operands;
  switch (first.kind) {
    case 'field':
      return evaluateField(state, dot, first, operands, final);
    case 'chain':
      return evaluateChain(state, dot, first, operands, final);
    case 'identifier':
      return evaluateFunction(state, dot, first, command, operands.slice(1), final);
    case 'pipe':
      notAFunction(state, operands, final);
      return evaluatePipeline(state, dot, first);
    case 'variable':
      return evaluateVariable(state, dot, first, operands, final);
  }
  state.node = first;
  notAFunction(state, operands, final);
  switch (first.kind) {
    case 'bool':
      return first.value;
    case 'dot':
      return dot;
    case 'nil':
      return fail(state, 'nil is not a command');
    case 'number':
      return constant(state, first);
    case 'string':
      return first.value;
  }
}

/** A number whose type only its syntax tells. */
export function constant(state: State, node: NumberNode): Value {
  state.node = node;
  if (isFloatText(node.text) && node.literal.float !== undefined) return node.literal.float;
  if (node.literal.int !== undefined) return int(node.literal.int);
  return fail(state, `${node.text} overflows int`);
}

/** Calls the function of this name. `node` is where a failure of the function itself is reported. */
export function evaluateFunction(
  state: State,
  dot: Operand,
  identifier: IdentifierNode,
  node: Node,
  operands: readonly OperandNode[],
  final: Final,
): Operand {
  state.node = identifier;
  const { name } = identifier;
  const target = Object.hasOwn(state.functions, name) ? state.functions[name] : undefined;
  if (target === undefined) return fail(state, `${quote(name)} is not a defined function`);
  return callFunction(state, dot, { target, name, node, operands, final });
}

export function evaluateField(state: State, dot: Operand, node: FieldNode, operands: readonly OperandNode[], final: Final): Operand {
  state.node = node;
  return fieldChain(state, dot, dot, node, node.names, operands, final);
}

export function evaluateChain(state: State, dot: Operand, node: ChainNode, operands: readonly OperandNode[], final: Final): Operand {
  state.node = node;
  if (node.node.kind === 'nil') fail(state, `indirection through explicit nil in ${nodeText(node)}`);
  // Go evaluates the inner node as an argument of no particular type, so an interface stays one.
  const receiver =
    node.node.kind === 'identifier'
      ? evaluateFunction(state, dot, node.node, node.node, [], NONE)
      : evaluateArgument(state, dot, 'value', node.node);
  return fieldChain(state, dot, receiver, node, node.names, operands, final);
}

export function evaluateVariable(state: State, dot: Operand, node: VariableNode, operands: readonly OperandNode[], final: Final): Operand {
  state.node = node;
  const { value } = variableNamed(state, node.names[0] ?? '');
  if (node.names.length === 1) {
    notAFunction(state, operands, final);
    return value;
  }
  return fieldChain(state, dot, value, node, node.names.slice(1), operands, final);
}

// .A.B.C with the arguments, if there are any, for the last.
function fieldChain(
  state: State,
  dot: Operand,
  receiver: Operand,
  node: Node,
  names: readonly string[],
  operands: readonly OperandNode[],
  final: Final,
): Operand {
  let value = receiver;
  for (const [index, name] of names.entries()) {
    const last = index === names.length - 1;
    value = oneField(state, dot, value, node, name, last ? operands : [], last ? final : NONE);
  }
  return value;
}

function oneField(
  state: State,
  dot: Operand,
  receiver: Operand,
  node: Node,
  name: string,
  operands: readonly OperandNode[],
  final: Final,
): Operand {
  if (receiver === undefined) return undefined;
  const type = operandType(receiver);
  const value = unboxed(receiver);
  if (value === undefined) return fail(state, `nil pointer evaluating ${type}.${name}`);
  if ((isInstance(value) || isDict(value)) && value.methods !== undefined) {
    const target = Object.hasOwn(value.methods, name) ? value.methods[name] : undefined;
    if (target !== undefined) return callFunction(state, dot, { target, name, node, operands: operands.slice(1), final });
  }
  if (!isDict(value)) return fail(state, `can't evaluate field ${name} in type ${type}`);
  if (operands.length > 1 || final !== NONE) fail(state, `${name} is not a method but has arguments`);
  return value.entries.has(name) ? boxed(value, value.entries.get(name)) : undefined;
}
