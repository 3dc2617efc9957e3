// Go's fmt: how any value prints with a verb, and Sprint, Sprintln.
import { DAYS, MONTHS } from '../time/instant.ts';
import { type Budget, type Int, isInt, isList, sortedKeys, typeName, type Value } from '../value.ts';
import { type Flags, noFlags, pad } from './flags.ts';
import { formatBoolean, formatInteger, formatNumber, formatString } from './scalar.ts';

function badVerb(value: Value, verb: string, flags: Flags, budget: Budget): string {
  if (value === null || value === undefined) return `%!${verb}(<nil>)`;
  return `%!${verb}(${typeName(value)}=${formatValue(value, 'v', flags, budget)})`;
}

// Months and days of the week print by their names.
function calendarName({ type, value }: Int): string {
  const index = Number(value);
  return (type === 'time.Month' ? MONTHS[index - 1] : DAYS[index]) ?? '';
}

function scalar(value: Value, verb: string, flags: Flags): string | undefined {
  if (typeof value === 'string') return formatString(value, verb, flags);
  if (typeof value === 'boolean') return formatBoolean(value, verb, flags);
  if (typeof value === 'number') return formatNumber(value, verb, flags);
  if (isInt(value) && value.type.startsWith('time.') && 'vsxXq'.includes(verb)) return formatString(calendarName(value), verb, flags);
  if (isInt(value)) return formatInteger(value.value, verb, flags, !value.type.startsWith('uint'));
  return undefined;
}

function element(value: Value, verb: string, flags: Flags, budget: Budget): string {
  if (value === null || value === undefined) return flags.sharpV ? 'interface {}(nil)' : '<nil>';
  return formatValue(value, verb, flags, budget);
}

// Joins while counting, so that a value which contains itself many times over stops at the limit and not at the machine's.
function joined(parts: Iterable<string>, separator: string, budget: Budget): string {
  let out = '';
  let first = true;
  for (const part of parts) {
    out += first ? part : separator + part;
    first = false;
    budget.text(out.length);
  }
  return out;
}

function* elements(value: Value & object, verb: string, flags: Flags, budget: Budget): Generator<string> {
  if (value.kind === 'list') for (const item of value.items) yield element(item, verb, flags, budget);
  if (value.kind !== 'dict') return;
  for (const key of sortedKeys(value)) {
    const name = scalar(key, verb, flags) ?? badVerb(key, verb, flags, budget);
    yield `${name}:${element(value.entries.get(key), verb, flags, budget)}`;
  }
}

/** Prints one value with one verb, as `fmt` does. */
export function formatValue(value: Value, verb: string, flags: Flags, budget: Budget): string {
  budget.work(1);
  if (value === null || value === undefined)
    return verb === 'v' || verb === 'T' ? pad('<nil>', flags) : badVerb(value, verb, flags, budget);
  if (verb === 'T') return formatString(typeName(value), 's', flags) ?? '';
  const text = scalar(value, verb, flags);
  if (text !== undefined) return text;
  if (typeof value !== 'object' || value.kind === 'int') return badVerb(value, verb, flags, budget);
  if (value.kind === 'instance')
    return formatString(value.text, verb, { ...flags, sharpV: false }) ?? badVerb(value.text, verb, flags, budget);
  if (verb === 'p' || verb === 'w') return badVerb(value, verb, flags, budget);
  if (isList(value) && value.elem === 'uint8' && 'sqxX'.includes(verb)) {
    const bytes = value.items.map((item) => (isInt(item) ? Number(item.value) : 0));
    return formatString(Buffer.from(bytes).toString('utf8'), verb, flags) ?? '';
  }
  if (flags.sharpV) return `${typeName(value)}{${joined(elements(value, verb, flags, budget), ', ', budget)}}`;
  const content = joined(elements(value, verb, flags, budget), ' ', budget);
  return value.kind === 'list' ? `[${content}]` : `map[${content}]`;
}

/** How a value prints by default (`%v`); nil prints as `<nil>`. */
export function printed(value: Value, budget: Budget): string {
  return typeof value === 'string' ? value : formatValue(value, 'v', noFlags(), budget);
}

/** fmt.Sprint: spaces between operands when neither is a string. */
export function sprint(values: readonly Value[], budget: Budget): string {
  let out = '';
  for (const [index, value] of values.entries()) {
    const previous = values[index - 1];
    if (index > 0 && typeof value !== 'string' && typeof previous !== 'string') out += ' ';
    out += printed(value, budget);
    budget.text(out.length);
  }
  return out;
}

/** fmt.Sprintln: spaces between all operands, and a newline. */
export function sprintln(values: readonly Value[], budget: Budget): string {
  return `${joined(
    values.map((value) => printed(value, budget)),
    ' ',
    budget,
  )}\n`;
}
