// Go's fmt.Sprintf.
import { type Budget, isInt, typeName, type Value } from '../value.ts';
import { type Flags, noFlags } from './flags.ts';
import { formatValue, printed } from './print.ts';

const TOO_LARGE = 1e6; // fmt ignores wider widths

interface State {
  readonly format: string;
  readonly args: readonly Value[];
  at: number;
  argument: number;
  reordered: boolean;
  goodIndex: boolean;
}

function readNumber(state: State): number | undefined {
  const digits = /^[0-9]+/.exec(state.format.slice(state.at, state.at + 12))?.[0];
  if (digits === undefined) return undefined;
  if (Number(digits) > TOO_LARGE) {
    state.at = state.format.length;
    return undefined;
  }
  state.at += digits.length;
  return Number(digits);
}

// `[3]`: the argument that the next verb, width or precision takes.
function readIndex(state: State): boolean {
  if (state.format.charAt(state.at) !== '[') return false;
  state.reordered = true;
  const close = state.format.indexOf(']', state.at + 1);
  if (close < 0 || state.format.length - state.at < 3) {
    state.goodIndex = false;
    state.at++;
    return false;
  }
  const digits = state.format.slice(state.at + 1, close);
  state.at = close + 1;
  const index = /^[0-9]{1,7}$/.test(digits) ? Number(digits) - 1 : -1;
  if (index >= 0 && index < state.args.length) {
    state.argument = index;
    return true;
  }
  state.goodIndex = false;
  return /^[0-9]{1,7}$/.test(digits);
}

// `*`: a width or precision taken from the arguments.
function readStar(state: State): number | undefined {
  const value = state.args[state.argument];
  if (state.argument < state.args.length) state.argument++;
  if (!isInt(value)) return undefined;
  const number = Number(value.value);
  return Math.abs(number) > TOO_LARGE ? undefined : number;
}

function readFlags(state: State, flags: Flags): void {
  for (; ; state.at++) {
    switch (state.format.charAt(state.at)) {
      case '#':
        flags.sharp = true;
        break;
      case '0':
        flags.zero = !flags.minus;
        break;
      case '+':
        flags.plus = true;
        break;
      case '-':
        flags.minus = true;
        flags.zero = false;
        break;
      case ' ':
        flags.space = true;
        break;
      default:
        return;
    }
  }
}

// Width and precision; what they print when they are wrong.
function readSizes(state: State, flags: Flags): string {
  let complaint = '';
  let afterIndex = readIndex(state);
  if (state.format.charAt(state.at) === '*') {
    state.at++;
    const width = readStar(state);
    if (width === undefined) complaint += '%!(BADWIDTH)';
    else if (width < 0) {
      flags.minus = true;
      flags.zero = false;
    }
    flags.width = width === undefined ? undefined : Math.abs(width);
    afterIndex = false;
  } else {
    flags.width = readNumber(state);
    if (afterIndex && flags.width !== undefined) state.goodIndex = false;
  }
  if (state.format.charAt(state.at) === '.') {
    state.at++;
    if (afterIndex) state.goodIndex = false;
    afterIndex = readIndex(state);
    if (state.format.charAt(state.at) === '*') {
      state.at++;
      const precision = readStar(state);
      if (precision === undefined || precision < 0) complaint += '%!(BADPREC)';
      else flags.precision = precision;
      afterIndex = false;
    } else flags.precision = readNumber(state) ?? 0;
  }
  if (!afterIndex) readIndex(state);
  return complaint;
}

function extra(state: State, budget: Budget): string {
  if (state.reordered || state.argument >= state.args.length) return '';
  const rest = state.args.slice(state.argument);
  const shown = rest.map((value) => (value === null || value === undefined ? '<nil>' : `${typeName(value)}=${printed(value, budget)}`));
  return `%!(EXTRA ${shown.join(', ')})`;
}

/** fmt.Sprintf, with its own words for what is wrong: `%!d(string=hi)`, `%!d(MISSING)`, `%!(EXTRA int=1)`. */
export function sprintf(format: string, args: readonly Value[], budget: Budget): string {
  const state: State = { format, args, at: 0, argument: 0, reordered: false, goodIndex: true };
  let out = '';
  while (state.at < format.length) {
    const percent = format.indexOf('%', state.at);
    if (percent < 0) {
      out += format.slice(state.at);
      break;
    }
    out += format.slice(state.at, percent);
    state.at = percent + 1;
    state.goodIndex = true;
    const flags = noFlags();
    readFlags(state, flags);
    out += readSizes(state, flags);
    const code = format.codePointAt(state.at);
    if (code === undefined) {
      out += '%!(NOVERB)';
      break;
    }
    const verb = String.fromCodePoint(code);
    state.at += verb.length;
    if (verb === '%') out += '%';
    else if (!state.goodIndex) out += `%!${verb}(BADINDEX)`;
    else if (state.argument >= args.length) out += `%!${verb}(MISSING)`;
    else {
      if (verb === 'v') {
        flags.sharpV = flags.sharp;
        flags.plusV = flags.plus;
        flags.sharp = false;
        flags.plus = false;
      }
      budget.text(flags.width ?? 0);
      out += formatValue(args[state.argument++], verb, flags, budget);
    }
    budget.text(out.length);
  }
  return out + extra(state, budget);
}
