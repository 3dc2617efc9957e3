// The words of an identifier such as HTTPServer2xx, by the rules that sprig's snakecase and kebabcase document (huandu/xstrings).

type WordType = 'none' | 'number' | 'upper' | 'alphabet' | 'connector' | 'punctuation' | 'other';

interface Word {
  readonly type: WordType;
  readonly text: string;
}

// Letters except Chinese characters, which count as neither letters nor numbers here.
const CJK = '\\u3400-\\u4d85\\u4e00-\\u9fcc\\u{20000}-\\u{2b81d}';
const ALPHABET = `(?:(?![\\p{Lu}${CJK}])\\p{L})`;
const PATTERNS: readonly (readonly [WordType, RegExp])[] = [
  ['connector', /[-_\s]+/uy],
  ['punctuation', /\p{P}+/uy],
  // HTTPStatus is HTTP and Status: the last capital before a small letter begins the next word.
  ['upper', new RegExp(`\\p{Lu}{2,}(?!${ALPHABET}|\\p{Lu})|\\p{Lu}+(?=\\p{Lu}${ALPHABET})|\\p{Lu}${ALPHABET}*`, 'uy')],
  ['alphabet', new RegExp(`${ALPHABET}+`, 'uy')],
  ['number', /\p{N}+/uy],
  ['other', new RegExp(`(?:[${CJK}]|[^-_\\s\\p{P}\\p{L}\\p{N}])+`, 'uy')],
];
const END: Word = { type: 'none', text: '' };

function split(text: string): Word[] {
  const words: Word[] = [];
  for (let at = 0; at < text.length; ) {
    const found = PATTERNS.map(([type, pattern]) => {
      pattern.lastIndex = at;
      return { type, text: pattern.exec(text)?.[0] ?? '' };
    }).find((word) => word.text !== '');
    const word = found ?? { type: 'other', text: text.charAt(at) };
    words.push(word);
    at += word.text.length;
  }
  return words;
}

function joins(type: WordType): boolean {
  return type !== 'connector' && type !== 'punctuation';
}

/** Lower-case words of an identifier, joined: `HTTPServer` with `_` is `http_server`, `Bld4Floor` is `bld4_floor`, `http2xx` is `http_2xx`. */
export function joinWords(identifier: string, connector: string): string {
  const words = split(identifier);
  let index = 0;
  let out = '';
  const current = (): Word => words[index] ?? END;
  const emit = ({ type, text }: Word) => {
    if (type === 'connector') out += connector.repeat(Array.from(text).length);
    else out += type === 'upper' ? text.toLowerCase() : text;
  };
  const emitRun = () => {
    while (current().type === 'alphabet' || current().type === 'number') {
      emit(current());
      index++;
    }
  };
  while (index < words.length - 1) {
    const previous = current();
    emit(previous);
    index++;
    if (previous.type === 'connector' || previous.type === 'punctuation') continue;
    if (previous.type === 'number') {
      emitRun();
      if (joins(current().type) && current() !== END) out += connector;
      continue;
    }
    const number = current();
    if (number.type !== 'number') {
      if (joins(number.type)) out += connector;
      continue;
    }
    if (index === words.length - 1) continue;
    index++;
    if (current().type === 'alphabet') {
      // Small letters follow the number: it begins a word of its own.
      out += connector;
      emit(number);
      emitRun();
      if (joins(current().type) && current() !== END) out += connector;
    } else {
      // Otherwise the number ends the word before it.
      emit(number);
      if (joins(current().type)) out += connector;
    }
  }
  if (index < words.length) emit(current());
  return out;
}
