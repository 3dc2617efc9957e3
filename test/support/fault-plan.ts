// Which of a transfer's requests meet which faults, chosen by a seed.
import { createHash } from 'node:crypto';
import type { Fault, SeenRequest } from './fault-proxy.ts';

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function seeded(seed: string): () => number {
  let state = createHash('sha256').update(seed).digest().readUInt32LE();
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Kind = 'look' | 'document' | 'blob' | 'range' | 'begin' | 'piece' | 'whole' | 'end' | 'name';

function kindOf({ method, path, headers }: SeenRequest): Kind {
  const length = Number(headers['content-length'] ?? 0);
  if (method === 'POST') return 'begin';
  if (method === 'PATCH') return 'piece';
  if (method === 'PUT') return path.includes('/manifests/') ? 'name' : length > 0 ? 'whole' : 'end';
  if (method !== 'GET' || path.includes('/uploads/')) return 'look';
  if (path.includes('/manifests/')) return 'document';
  return headers['range'] === undefined ? 'blob' : 'range';
}

const unknownUpload = '{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}';
const always = ['reset', 'lose-answer', 'hang', 'busy', 'failing', 'unauthorized'] as const;
const body = ['cut', 'stall', 'truncate', 'flip'] as const;
const sending = ['cut-request', 'lost-upload'] as const;

type Name =
  | (typeof always)[number]
  | (typeof body)[number]
  | (typeof sending)[number]
  | Exclude<Fault['kind'], 'answer' | 'edit'>
  | 'too-big'
  | 'elsewhere';

const FAULTS: Readonly<Record<Kind, readonly Name[]>> = {
  look: always,
  document: [...always, ...body],
  blob: [...always, ...body],
  range: [...always, ...body, 'no-range', 'wrong-range'],
  begin: always,
  piece: [...always, ...sending, 'elsewhere'],
  whole: [...always, ...sending, 'too-big', 'flip-request'],
  end: [...always, 'lost-upload'],
  name: always,
};

// A content that comes spoilt, or a login that is refused, is tried again once: twice in one transfer is once too often.
const ONCE = new Set<Name>(['flip', 'flip-request', 'unauthorized']);
const CHANCE = 0.35;
const MOST = 5;

/** Faults that pass: at most five of a transfer's requests meet one. */
export function passingFaults(random: () => number): (request: SeenRequest) => Fault | undefined {
  const seen = new Set<string>();
  let left = Math.floor(random() * (MOST + 1));
  return (request) => {
    if (left === 0 || random() > CHANCE) return undefined;
    const names = FAULTS[kindOf(request)];
    const name = names[Math.floor(random() * names.length)];
    if (name === undefined) return undefined;
    const group = name.replace('-request', '');
    if (ONCE.has(name) && seen.has(group)) return undefined;
    seen.add(group);
    left -= 1;
    return faultOf(name, Math.floor(random() * Number(request.headers['content-length'] ?? 2000)), random);
  };
}

function faultOf(name: Name, at: number, random: () => number): Fault {
  switch (name) {
    case 'cut':
    case 'stall':
    case 'truncate':
      return { kind: name, after: Math.floor(random() * 3000) };
    case 'cut-request':
      return { kind: name, after: at };
    case 'flip':
      return { kind: name, at: Math.floor(random() * 500) };
    case 'flip-request':
      return { kind: name, at };
    case 'wrong-range':
      return { kind: name, by: random() < 0.5 ? 3 : -3 };
    case 'busy':
      return { kind: 'answer', status: 429, headers: { 'retry-after': random() < 0.5 ? '0' : new Date().toUTCString() } };
    case 'failing':
      return { kind: 'answer', status: [500, 502, 503, 504][Math.floor(random() * 4)] ?? 500, body: '<html>bad gateway</html>' };
    case 'unauthorized':
      return { kind: 'answer', status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } };
    case 'lost-upload':
      return { kind: 'answer', status: 404, body: unknownUpload };
    case 'too-big':
      return { kind: 'answer', status: 413 };
    case 'elsewhere':
      return { kind: 'answer', status: 416 };
    default:
      return { kind: name };
  }
}

/** A fault that does not pass, and the code of the error that it has to end in. */
export interface LastingFault {
  readonly codes: readonly string[];
  readonly fault: (request: SeenRequest) => Fault | undefined;
}

/** Faults that every request of their kind meets. */
export function lastingFault(action: 'push' | 'pull', random: () => number): LastingFault {
  const isContent = (request: SeenRequest) => ['blob', 'range', 'piece', 'whole', 'begin'].includes(kindOf(request));
  const answers = (status: number, code: string, headers = {}): LastingFault => ({
    codes: [code],
    fault: (request) => (isContent(request) ? { kind: 'answer', status, headers } : undefined),
  });
  const choices: LastingFault[] = [
    answers(503, 'registry-failed'),
    answers(403, 'registry-denied'),
    answers(429, 'registry-busy', { 'retry-after': '3600' }),
    { codes: ['registry-unreachable'], fault: (request) => (isContent(request) ? { kind: 'reset' } : undefined) },
    action === 'push'
      ? { codes: ['content-mismatch'], fault: (request) => (isContent(request) ? { kind: 'flip-request', at: 5 } : undefined) }
      : { codes: ['content-mismatch'], fault: (request) => (isContent(request) ? { kind: 'flip', at: 5 } : undefined) },
    ...(action === 'push'
      ? []
      : [
          {
            codes: ['content-mismatch'],
            fault: (request: SeenRequest) => (isContent(request) ? ({ kind: 'truncate', after: 9 } as const) : undefined),
          },
        ]),
  ];
  return choices[Math.floor(random() * choices.length)] ?? answers(403, 'registry-denied');
}
