// Statements: text, actions, control structures, definitions.
import { type ActionNode, type BranchNode, isEmptyTree, type ListNode, type StatementNode, type TemplateNode } from './ast.ts';
import { type Cursor, expect, fail, nested, next, nextNonSpace, openCursor, peek, peekNonSpace, unexpected } from './cursor.ts';
import type { Token } from './lexer.ts';
import { parsePipeline, type Scope, stringValue } from './parse-pipeline.ts';
import { quote } from './quote.ts';

/** Every template of a text by name: the text itself and what it defines. */
export type Trees = ReadonlyMap<string, ListNode>;

// What is parsed as one tree: the text, a define's body, a block's body.
interface Tree {
  readonly cursor: Cursor;
  readonly trees: Map<string, ListNode>;
  readonly scope: Scope;
  ranges: number;
}

// The ends of a list: never part of the tree.
interface Ending {
  readonly kind: 'end' | 'else';
}

function openTree(parent: Pick<Tree, 'cursor' | 'trees'>): Tree {
  return { cursor: parent.cursor, trees: parent.trees, scope: ['$'], ranges: 0 };
}

/**
 * Parses a template and the templates that it defines.
 *
 * @param isFunction whether a function of this name exists; Go refuses unknown ones already here.
 * @throws TemplateError `TEMPLATE_PARSE`, with the line.
 */
export function parseTrees(name: string, text: string, isFunction: (name: string) => boolean): Trees {
  const tree = openTree({ cursor: openCursor(name, text, isFunction), trees: new Map() });
  const { cursor } = tree;
  const list: StatementNode[] = [];
  while (peek(cursor).type !== 'eof') {
    if (peek(cursor).type === 'leftDelim') {
      const back = cursor.index;
      next(cursor);
      if (nextNonSpace(cursor).type === 'define') {
        parseDefinition(tree);
        continue;
      }
      cursor.index = back;
    }
    const statement = parseStatement(tree);
    if (isEnding(statement)) fail(cursor, `unexpected {{${statement.kind}}}`);
    list.push(statement);
  }
  addTree(tree, name, list);
  return tree.trees;
}

function isEnding(statement: StatementNode | Ending): statement is Ending {
  return statement.kind === 'end' || statement.kind === 'else';
}

function addTree(tree: Tree, name: string, list: ListNode): void {
  const previous = tree.trees.get(name);
  if (previous === undefined || isEmptyTree(previous)) tree.trees.set(name, list);
  else if (!isEmptyTree(list)) fail(tree.cursor, `template: multiple definition of template ${quote(name)}`);
}

function parseName(tree: Tree, token: Token, context: string): string {
  if (token.type !== 'string' && token.type !== 'rawString') return unexpected(tree.cursor, token, context);
  return stringValue(tree.cursor, token);
}

function parseBody(parent: Tree, name: string, context: string): void {
  const tree = openTree(parent);
  const { list, ending } = parseList(tree);
  if (ending.kind !== 'end') fail(tree.cursor, `unexpected {{${ending.kind}}} in ${context}`);
  addTree(tree, name, list);
}

function parseDefinition(parent: Tree): void {
  const context = 'define clause';
  const name = parseName(parent, nextNonSpace(parent.cursor), context);
  expect(parent.cursor, 'rightDelim', context);
  parseBody(parent, name, context);
}

function parseList(tree: Tree): { list: ListNode; ending: Ending } {
  const list: StatementNode[] = [];
  while (peekNonSpace(tree.cursor).type !== 'eof') {
    const statement = parseStatement(tree);
    if (isEnding(statement)) return { list, ending: statement };
    list.push(statement);
  }
  return fail(tree.cursor, 'unexpected EOF');
}

function parseStatement(tree: Tree): StatementNode | Ending {
  const { cursor } = tree;
  const token = nextNonSpace(cursor);
  if (token.type === 'text') return { kind: 'text', position: token.position, text: token.value };
  if (token.type !== 'leftDelim') return unexpected(cursor, token, 'input');
  cursor.actionLine = token.line;
  const statement = nested(cursor, () => parseAction(tree));
  cursor.actionLine = 0;
  return statement;
}

function parseAction(tree: Tree): StatementNode | Ending {
  const { cursor } = tree;
  const token = nextNonSpace(cursor);
  switch (token.type) {
    case 'block':
      return parseBlock(tree);
    case 'break':
    case 'continue': {
      const context = `{{${token.type}}}`;
      const end = nextNonSpace(cursor);
      if (end.type !== 'rightDelim') unexpected(cursor, end, context);
      if (tree.ranges === 0) fail(cursor, `${context} outside {{range}}`);
      return { kind: token.type, position: token.position };
    }
    case 'else': {
      const following = peekNonSpace(cursor).type;
      if (following !== 'if' && following !== 'with') expect(cursor, 'rightDelim', 'else');
      return { kind: 'else' };
    }
    case 'end':
      expect(cursor, 'rightDelim', 'end');
      return { kind: 'end' };
    case 'if':
    case 'with':
    case 'range':
      return parseBranch(tree, token.type);
    case 'template':
      return parseTemplate(tree);
    default:
      cursor.index--;
      return parsePrinting(tree);
  }
}

// Variables declared here live until the end of the surrounding list.
function parsePrinting(tree: Tree): ActionNode {
  const { position } = peek(tree.cursor);
  return { kind: 'action', position, pipe: parsePipeline(tree.cursor, tree.scope, 'command', 'rightDelim') };
}

function parseBranch(tree: Tree, kind: BranchNode['kind']): BranchNode {
  const { cursor, scope } = tree;
  const depth = scope.length;
  const pipe = parsePipeline(cursor, scope, kind, 'rightDelim');
  if (kind === 'range') tree.ranges++;
  const { list, ending } = parseList(tree);
  if (kind === 'range') tree.ranges--;
  const otherwise = ending.kind === 'else' ? parseElse(tree, kind) : undefined;
  scope.length = depth;
  return { kind, position: pipe.position, pipe, list, otherwise };
}

// `{{else if}}` (and, since Go 1.23, `{{else with}}`) is an else that holds one branch and shares its end.
function parseElse(tree: Tree, kind: BranchNode['kind']): ListNode {
  const { cursor } = tree;
  const following = peek(cursor).type;
  if (kind !== 'range' && following === kind) {
    next(cursor);
    return [nested(cursor, () => parseBranch(tree, kind))];
  }
  const { list, ending } = parseList(tree);
  if (ending.kind !== 'end') fail(cursor, `expected end; found {{${ending.kind}}}`);
  return list;
}

function parseBlock(tree: Tree): TemplateNode {
  const context = 'block clause';
  const token = nextNonSpace(tree.cursor);
  const name = parseName(tree, token, context);
  const pipe = parsePipeline(tree.cursor, tree.scope, context, 'rightDelim');
  parseBody(tree, name, context);
  return { kind: 'template', position: token.position, name, pipe };
}

function parseTemplate(tree: Tree): TemplateNode {
  const context = 'template clause';
  const { cursor } = tree;
  const token = nextNonSpace(cursor);
  const name = parseName(tree, token, context);
  let pipe: TemplateNode['pipe'];
  if (nextNonSpace(cursor).type !== 'rightDelim') {
    cursor.index--;
    pipe = parsePipeline(cursor, tree.scope, context, 'rightDelim');
  }
  return { kind: 'template', position: token.position, name, pipe };
}
