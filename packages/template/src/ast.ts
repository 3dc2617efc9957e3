// The syntax tree. Every node carries the offset that Go would report for it in an error.
import type { NumberLiteral } from './number.ts';
import { quote } from './quote.ts';

interface Positioned {
  /** Offset in the template's text, in UTF-16 units. */
  readonly position: number;
}

export interface FieldNode extends Positioned {
  readonly kind: 'field';
  readonly names: readonly string[];
}
export interface VariableNode extends Positioned {
  readonly kind: 'variable';
  /** `$x` first, then the fields that follow it. */
  readonly names: readonly string[];
}
/** Fields of something that is neither a field nor a variable: `(pipeline).a.b`. */
export interface ChainNode extends Positioned {
  readonly kind: 'chain';
  readonly node: OperandNode;
  readonly names: readonly string[];
}
export interface IdentifierNode extends Positioned {
  readonly kind: 'identifier';
  readonly name: string;
}
export interface DotNode extends Positioned {
  readonly kind: 'dot';
}
export interface NilNode extends Positioned {
  readonly kind: 'nil';
}
export interface BoolNode extends Positioned {
  readonly kind: 'bool';
  readonly value: boolean;
}
export interface NumberNode extends Positioned {
  readonly kind: 'number';
  readonly text: string;
  readonly literal: NumberLiteral;
}
export interface StringNode extends Positioned {
  readonly kind: 'string';
  readonly quoted: string;
  readonly value: string;
}
export interface PipeNode extends Positioned {
  readonly kind: 'pipe';
  readonly declared: readonly VariableNode[];
  readonly assigns: boolean;
  readonly commands: readonly CommandNode[];
}
export interface CommandNode extends Positioned {
  readonly kind: 'command';
  readonly operands: readonly [OperandNode, ...OperandNode[]];
}

export type OperandNode =
  | FieldNode
  | VariableNode
  | ChainNode
  | IdentifierNode
  | DotNode
  | NilNode
  | BoolNode
  | NumberNode
  | StringNode
  | PipeNode;

export interface TextNode extends Positioned {
  readonly kind: 'text';
  readonly text: string;
}
export interface ActionNode extends Positioned {
  readonly kind: 'action';
  readonly pipe: PipeNode;
}
export interface BranchNode extends Positioned {
  readonly kind: 'if' | 'with' | 'range';
  readonly pipe: PipeNode;
  readonly list: ListNode;
  readonly otherwise: ListNode | undefined;
}
export interface TemplateNode extends Positioned {
  readonly kind: 'template';
  readonly name: string;
  readonly pipe: PipeNode | undefined;
}
export interface JumpNode extends Positioned {
  readonly kind: 'break' | 'continue';
}

export type StatementNode = TextNode | ActionNode | BranchNode | TemplateNode | JumpNode;
export type ListNode = readonly StatementNode[];
export type Node = StatementNode | OperandNode | CommandNode;

/** The source of a node as Go writes it into an error: normalised, without the text around it. */
export function nodeText(node: Node): string {
  switch (node.kind) {
    case 'field':
      return node.names.map((name) => `.${name}`).join('');
    case 'variable':
      return node.names.join('.');
    case 'chain':
      return `${operandText(node.node)}${node.names.map((name) => `.${name}`).join('')}`;
    case 'identifier':
      return node.name;
    case 'dot':
      return '.';
    case 'nil':
      return 'nil';
    case 'bool':
      return String(node.value);
    case 'number':
      return node.text;
    case 'string':
      return node.quoted;
    case 'command':
      return node.operands.map(operandText).join(' ');
    case 'pipe': {
      const declared = node.declared.map(nodeText).join(', ');
      return `${declared === '' ? '' : `${declared} ${node.assigns ? '=' : ':='} `}${node.commands.map(nodeText).join(' | ')}`;
    }
    case 'text':
      return node.text.length > 20 ? `${node.text.slice(0, 20)}...` : node.text;
    case 'action':
      return `{{${nodeText(node.pipe)}}}`;
    case 'if':
    case 'with':
    case 'range':
      return `{{${node.kind} ${nodeText(node.pipe)}}}`;
    case 'template':
      return `{{template ${quote(node.name)}${node.pipe === undefined ? '' : ` ${nodeText(node.pipe)}`}}}`;
    case 'break':
    case 'continue':
      return `{{${node.kind}}}`;
  }
}

function operandText(node: OperandNode): string {
  return node.kind === 'pipe' ? `(${nodeText(node)})` : nodeText(node);
}

/** Whether a tree holds nothing but space. */
export function isEmptyTree(list: ListNode): boolean {
  return list.every((node) => node.kind === 'text' && node.text.trim() === '');
}
