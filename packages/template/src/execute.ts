// Statements: walks the tree and writes.
import type { BranchNode, ListNode, StatementNode, TemplateNode } from './ast.ts';
import { evaluatePipeline } from './expression.ts';
import { printed } from './format/print.ts';
import { quote } from './quote.ts';
import { boxed, fail, located, type Operand, type State } from './state.ts';
import { int, isDict, isInt, isList, isTrue, sortedKeys, type Value } from './value.ts';

// Why a list ended before its last statement.
type Jump = 'break' | 'continue' | undefined;

/** Executes the state's template on the data; errors carry their position. */
export function execute(state: State, data: Value): void {
  state.variables = [{ name: '$', value: data }];
  try {
    walkList(state, data, state.program.trees.get(state.template) ?? []);
  } catch (error) {
    throw located(state, error);
  }
}

function walkList(state: State, dot: Operand, list: ListNode): Jump {
  for (const node of list) {
    const jump = walk(state, dot, node);
    if (jump !== undefined) return jump;
  }
  return undefined;
}

function walk(state: State, dot: Operand, node: StatementNode): Jump {
  state.node = node;
  state.context.budget.work(1);
  switch (node.kind) {
    case 'text':
      state.write(node.text);
      return undefined;
    case 'action': {
      const value = evaluatePipeline(state, dot, node.pipe);
      if (node.pipe.declared.length > 0) return undefined;
      state.node = node;
      state.write(value === undefined ? '<no value>' : printed(value, state.context.budget));
      return undefined;
    }
    case 'if':
    case 'with':
      return walkBranch(state, dot, node);
    case 'range':
      return walkRange(state, dot, node);
    case 'template':
      walkTemplate(state, dot, node);
      return undefined;
    default:
      return node.kind;
  }
}

function walkBranch(state: State, dot: Operand, node: BranchNode): Jump {
  const mark = state.variables.length;
  const value = evaluatePipeline(state, dot, node.pipe);
  let jump: Jump;
  if (isTrue(value)) jump = walkList(state, node.kind === 'with' ? value : dot, node.list);
  else if (node.otherwise !== undefined) jump = walkList(state, dot, node.otherwise);
  state.variables.length = mark;
  return jump;
}

// Pairs of index or key and element, in Go's order; undefined where the value cannot be ranged over.
function iterations(value: Value): { size: number; pairs: Iterable<readonly [Value, Operand]> } | undefined {
  if (value === undefined || value === null) return { size: 0, pairs: [] };
  if (isList(value))
    return { size: value.items.length, pairs: value.items.entries().map(([index, item]) => [int(index), boxed(value, item)] as const) };
  if (isDict(value))
    return { size: value.entries.size, pairs: sortedKeys(value).map((key) => [key, boxed(value, value.entries.get(key))] as const) };
  // Since Go 1.22 a range over n counts from 0 to n-1.
  return isInt(value) ? { size: Number(value.value), pairs: counting(value.value) } : undefined;
}

function* counting(limit: bigint): Generator<readonly [Value, Operand]> {
  for (let index = 0n; index < limit; index++) yield [int(index), int(index)];
}

function walkRange(state: State, dot: Operand, node: BranchNode): Jump {
  const outer = state.variables.length;
  const value = evaluatePipeline(state, dot, node.pipe);
  const { declared, assigns } = node.pipe;
  const turns = iterations(value);
  if (turns === undefined) return fail(state, `range can't iterate over ${printed(value, state.context.budget)}`);
  if (isInt(value) && declared.length > 1) fail(state, `can't use ${value.value} to iterate over more than one variable`);
  const mark = state.variables.length;
  let jump: Jump;
  if (turns.size <= 0) {
    jump = node.otherwise === undefined ? undefined : walkList(state, dot, node.otherwise);
    state.variables.length = outer;
    return jump;
  }
  for (const [index, element] of turns.pairs) {
    state.context.budget.work(1);
    const values = declared.length > 1 ? [index, element] : [element];
    for (const [position, variable] of declared.entries()) {
      const target = assigns
        ? state.variables.findLast(({ name }) => name === variable.names[0])
        : state.variables[mark - declared.length + position];
      if (target !== undefined) target.value = values[position];
    }
    jump = walkList(state, element, node.list);
    state.variables.length = mark;
    if (jump === 'break') break;
  }
  state.variables.length = outer;
  return undefined;
}

function walkTemplate(state: State, dot: Operand, node: TemplateNode): void {
  const list = state.program.trees.get(node.name);
  if (list === undefined) fail(state, `template ${quote(node.name)} not defined`);
  if (state.depth >= state.maxDepth) fail(state, `exceeded maximum template depth (${state.maxDepth})`, 'TEMPLATE_LIMIT');
  const argument = node.pipe === undefined ? undefined : evaluatePipeline(state, dot, node.pipe);
  // A template sees no variables of its caller.
  const { template, variables } = state;
  state.template = node.name;
  state.variables = [{ name: '$', value: argument }];
  state.depth++;
  walkList(state, argument, list);
  state.template = template;
  state.variables = variables;
  state.depth--;
}
