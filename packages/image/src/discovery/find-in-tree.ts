import { imagesInArguments } from './find-in-arguments.ts';
import { findInText } from './find-in-text.ts';
import { imagePair } from './image-pair.ts';
import type { Mention } from './mention.ts';
import { isUnmistakable, saysImage, shapeOf } from './reference-text.ts';
import { type MapTree, type TextTree, type Tree, textOf, valueAt } from './tree.ts';

/** What is known of the place that is looked at. */
interface At {
  readonly file: string;
  /** Names of the keys that lead here, without those of lists' positions. */
  readonly keys: readonly string[];
  /** How deep manifests are inside manifests. */
  readonly depth: number;
}

const CONTAINERS = new Set(['containers', 'initContainers', 'ephemeralContainers']);
const ARGUMENTS = new Set(['args', 'arguments', 'command', 'extraArgs', 'additionalArgs', 'cmd']);
// Texts about an object; copies of what once was applied are there, and examples.
const ABOUT = new Set(['annotations', 'labels', 'matchLabels']);
// What describes a field in an API's schema.
const SCHEMA = ['type', '$ref', 'properties', 'items', 'description', 'oneOf', 'anyOf', 'allOf', 'additionalProperties', 'format', 'enum'];
const NESTING_LIMIT = 3;

/** The images of a document: pod specs at any depth, arguments and settings of containers, repository and tag pairs, manifests in texts. */
export function findInTree(tree: Tree, file: string, depth = 0): readonly Mention[] {
  const found: Mention[] = [];
  visit(tree, { file, keys: [], depth }, found);
  return found;
}

function visit(tree: Tree, at: At, found: Mention[]): void {
  if (tree.kind === 'map') visitMap(tree, at, found);
  else if (tree.kind === 'list') visitList(tree.items, at, found);
  else visitText(tree, at, found);
}

function visitList(items: readonly Tree[], at: At, found: Mention[]): void {
  if (ARGUMENTS.has(at.keys.at(-1) ?? '')) {
    const texts = items.filter((item): item is TextTree => item.kind === 'text');
    found.push(...inArguments(texts, at));
    for (const item of items) if (item.kind !== 'text') visit(item, at, found);
    return;
  }
  for (const item of items) visit(item, at, found);
}

function visitMap(map: MapTree, at: At, found: Mention[]): void {
  const pair = imagePair(map, at.keys);
  if (pair !== undefined) found.push({ ...pair, file: at.file });
  const name = textOf(map, 'name');
  for (const [key, value] of map.entries) {
    if (key === 'openAPIV3Schema') continue;
    const here = { ...at, keys: [...at.keys, key] };
    if (value.kind === 'map' && (key === 'properties' || key === 'patternProperties')) visitProperties(value, here, found);
    else if (value.kind === 'text' && key === 'image') found.push(...(pair === undefined ? imageValue(value, at) : []));
    else if (key === 'value' && value.kind === 'text' && name !== undefined) visitText(value, { ...at, keys: [...at.keys, name] }, found);
    else visit(value, here, found);
  }
}

/** Fields that are described are left out; others only happen to be below a key of this name. */
function visitProperties(map: MapTree, at: At, found: Mention[]): void {
  for (const [key, value] of map.entries) {
    const isField = value.kind === 'map' && SCHEMA.some((name) => valueAt(value, name) !== undefined);
    if (isField) continue;
    if (value.kind === 'text' && key === 'image') found.push(...imageValue(value, at));
    else visit(value, { ...at, keys: [...at.keys, key] }, found);
  }
}

function imageValue({ text: written, line }: TextTree, at: At): readonly Mention[] {
  const text = written.trim();
  const { file } = at;
  const isContainer = CONTAINERS.has(at.keys.at(-1) ?? '');
  const shape = shapeOf(text);
  // In a text inside a manifest there are also placeholders and examples: nothing is said of what is no name.
  if (shape === undefined && at.depth > 0) return [];
  if (isContainer) return text === '' ? [] : [{ text, file, line, certainty: 'named' }];
  if (at.keys.some((key) => ABOUT.has(key))) return [];
  if (shape === 'full' || shape === 'path') return [{ text, file, line, certainty: 'named' }];
  // An object of another kind: `image: ubuntu-22.04` may be that of a virtual machine, `image: logo.png` a picture.
  if (shape !== undefined) return [{ text, file, line, certainty: 'seeming' }];
  return /^(?!data:)[\w<$(]/.test(text) && !text.includes('//') && !/\s/.test(text) ? [{ text, file, line, certainty: 'named' }] : [];
}

function visitText(tree: TextTree, at: At, found: Mention[]): void {
  const { file, keys } = at;
  const text = tree.text.trim();
  const key = keys.at(-1) ?? '';
  const isAbout = keys.some((name) => ABOUT.has(name));
  if (ARGUMENTS.has(key)) {
    found.push(...inArguments([tree], at));
    return;
  }
  if (text.includes('\n')) {
    if (!isAbout && at.depth < NESTING_LIMIT) found.push(...inBlock(tree, at));
    return;
  }
  const certainty = certaintyOf(text, keys, isAbout);
  if (certainty !== undefined) found.push({ text, file, line: tree.line, certainty });
}

/** What the name of a setting and the form of its value say together. */
function certaintyOf(text: string, keys: readonly string[], isAbout: boolean): Mention['certainty'] | undefined {
  const says = saysImage(keys.at(-1) ?? '');
  if (says === undefined) {
    const isSetting = keys.includes('env') || keys.at(-2) === 'data' || keys.at(-2) === 'stringData';
    return isSetting && isUnmistakable(text) ? 'seeming' : undefined;
  }
  const shape = shapeOf(text);
  if (shape === 'full') return 'named';
  if (shape === 'path' || (shape === 'part' && !isAbout)) return 'seeming';
  return shape !== undefined && says === 'must' && text.includes('/') && !isAbout ? 'seeming' : undefined;
}

function inArguments(texts: readonly TextTree[], at: At): readonly Mention[] {
  const found: Mention[] = [];
  const images = imagesInArguments(texts.map(({ text }) => text));
  for (const image of images) {
    const holder = texts.find(({ text }) => text.includes(image)) ?? texts[0];
    if (holder === undefined) continue;
    const below = holder.text.slice(0, holder.text.indexOf(image)).split('\n').length - 1;
    found.push({ text: image, file: at.file, line: holder.firstLine + below, certainty: 'seeming' });
  }
  return found;
}

/** A manifest in a ConfigMap, values for a chart: what is in it may be only an example, so nothing is certain but a pod's containers. */
function inBlock(tree: TextTree, at: At): readonly Mention[] {
  return findInText(tree.text, at.file, { firstLine: tree.firstLine, depth: at.depth + 1 });
}
