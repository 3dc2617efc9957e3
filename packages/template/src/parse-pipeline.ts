// Pipelines, commands and operands.
import type { CommandNode, OperandNode, PipeNode, VariableNode } from './ast.ts';
import { nodeText } from './ast.ts';
import { type Cursor, fail, nested, next, nextNonSpace, peek, peekNonSpace, unexpected } from './cursor.ts';
import type { Token } from './lexer.ts';
import { parseNumber } from './number.ts';
import { quote, unquote } from './quote.ts';

/** Variables that are declared at this point, innermost last. */
export type Scope = string[];

const OPERAND_STARTS: ReadonlySet<Token['type']> = new Set([
  'bool',
  'charConstant',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'rawString',
  'string',
  'variable',
  'leftParen',
] satisfies Token['type'][]);

/** The value of a string token. */
export function stringValue(cursor: Cursor, token: Token): string {
  return unquote(token.value) ?? fail(cursor, 'invalid syntax');
}

function variable(token: Token): VariableNode {
  return { kind: 'variable', position: token.position, names: token.value.split('.') };
}

// `$x :=`, `$x =` or, in a range, `$i, $x :=`.
function declarations(cursor: Cursor, scope: Scope, context: string): { declared: VariableNode[]; assigns: boolean } {
  const declared: VariableNode[] = [];
  for (;;) {
    const token = peekNonSpace(cursor);
    if (token.type !== 'variable') return { declared, assigns: false };
    const back = cursor.index;
    cursor.index++;
    const after = peekNonSpace(cursor);
    if (after.type === 'assign' || after.type === 'declare') {
      nextNonSpace(cursor);
      declared.push(variable(token));
      scope.push(token.value);
      return { declared, assigns: after.type === 'assign' };
    }
    if (after.type !== 'char' || after.value !== ',') {
      cursor.index = back;
      return { declared, assigns: false };
    }
    nextNonSpace(cursor);
    declared.push(variable(token));
    scope.push(token.value);
    if (context !== 'range' || declared.length > 1) fail(cursor, `too many declarations in ${context}`);
    const following = peekNonSpace(cursor).type;
    if (following !== 'variable' && following !== 'rightDelim' && following !== 'rightParen') {
      fail(cursor, 'range can only initialize variables');
    }
  }
}

/** Parses `declarations? command ('|' command)*` up to and including the end token. */
export function parsePipeline(cursor: Cursor, scope: Scope, context: string, end: 'rightDelim' | 'rightParen'): PipeNode {
  const { position } = peekNonSpace(cursor);
  const { declared, assigns } = declarations(cursor, scope, context);
  const commands: CommandNode[] = [];
  for (;;) {
    const token = nextNonSpace(cursor);
    if (token.type === end) break;
    if (!OPERAND_STARTS.has(token.type)) unexpected(cursor, token, context);
    cursor.index--;
    commands.push(parseCommand(cursor, scope));
  }
  if (commands.length === 0) fail(cursor, `missing value for ${context}`);
  for (const [index, command] of commands.entries()) {
    const { kind } = command.operands[0];
    if (index > 0 && (kind === 'bool' || kind === 'dot' || kind === 'nil' || kind === 'number' || kind === 'string')) {
      fail(cursor, `non executable command in pipeline stage ${index + 1}`);
    }
  }
  return { kind: 'pipe', position, declared, assigns, commands };
}

// Operands up to a `|`, which is taken, or to the end of the pipeline, which is not.
function parseCommand(cursor: Cursor, scope: Scope): CommandNode {
  const { position } = peekNonSpace(cursor);
  const operands: OperandNode[] = [];
  for (;;) {
    peekNonSpace(cursor);
    const operand = parseOperand(cursor, scope);
    if (operand !== undefined) operands.push(operand);
    const token = next(cursor);
    if (token.type === 'space') continue;
    if (token.type === 'rightDelim' || token.type === 'rightParen') cursor.index--;
    else if (token.type !== 'pipe') unexpected(cursor, token, 'operand');
    break;
  }
  const [first, ...rest] = operands;
  if (first === undefined) return fail(cursor, 'empty command');
  return { kind: 'command', position, operands: [first, ...rest] };
}

// A term and the fields behind it.
function parseOperand(cursor: Cursor, scope: Scope): OperandNode | undefined {
  const node = parseTerm(cursor, scope);
  if (node === undefined || peek(cursor).type !== 'field') return node;
  const { position } = peek(cursor);
  const names: string[] = [];
  while (peek(cursor).type === 'field') names.push(next(cursor).value.slice(1));
  switch (node.kind) {
    case 'field':
    case 'variable':
      return { ...node, position, names: [...node.names, ...names] };
    case 'bool':
    case 'string':
    case 'number':
    case 'nil':
    case 'dot':
      return fail(cursor, `unexpected . after term ${quote(nodeText(node))}`);
    default:
      return { kind: 'chain', position, node, names };
  }
}

function parseTerm(cursor: Cursor, scope: Scope): OperandNode | undefined {
  const token = nextNonSpace(cursor);
  const { position } = token;
  switch (token.type) {
    case 'identifier':
      if (!cursor.isFunction(token.value)) fail(cursor, `function ${quote(token.value)} not defined`);
      return { kind: 'identifier', position, name: token.value };
    case 'dot':
      return { kind: 'dot', position };
    case 'nil':
      return { kind: 'nil', position };
    case 'variable':
      if (!scope.includes(token.value)) fail(cursor, `undefined variable ${quote(token.value)}`);
      return variable(token);
    case 'field':
      return { kind: 'field', position, names: [token.value.slice(1)] };
    case 'bool':
      return { kind: 'bool', position, value: token.value === 'true' };
    case 'charConstant':
    case 'number': {
      const literal = parseNumber(token.value, token.type);
      if (typeof literal === 'string') return fail(cursor, literal);
      return { kind: 'number', position, text: token.value, literal };
    }
    case 'leftParen':
      return nested(cursor, () => parsePipeline(cursor, scope, 'parenthesized pipeline', 'rightParen'));
    case 'string':
    case 'rawString':
      return { kind: 'string', position, quoted: token.value, value: stringValue(cursor, token) };
    default:
      cursor.index--;
      return undefined;
  }
}
