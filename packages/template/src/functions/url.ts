// sprig: URLs, taken apart and put together as Go's net/url does.
import { FunctionError } from '../error.ts';
import { type FunctionMap, fn } from '../function.ts';
import { quote } from '../quote.ts';
import { type Dict, dict, kindName } from '../value.ts';
import { percentEscape, percentUnescape } from './url-escape.ts';

interface Url {
  readonly scheme: string;
  readonly opaque: string;
  readonly userinfo: string | undefined;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly fragment: string;
}

const PATH_SAFE = '$&+,/:;=@';

function unescaped(text: string, whole: string): string {
  const plain = percentUnescape(text);
  if (plain !== undefined) return plain;
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(text)?.[0] ?? '%';
  throw new FunctionError(`unable to parse url: parse ${quote(whole)}: invalid URL escape ${quote(bad)}`);
}

function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

// user:password, each escaped the way Go writes it back.
function normalUserinfo(text: string, whole: string): string {
  const [user, password] = cut(text, ':');
  const escaped = percentEscape(unescaped(user, whole), '$&+,;=');
  return password === undefined ? escaped : `${escaped}:${percentEscape(unescaped(password, whole), '$&+,;=')}`;
}

function failure(whole: string, message: string): never {
  throw new FunctionError(`unable to parse url: parse ${quote(whole)}: ${message}`);
}

function checkHost(host: string, whole: string): void {
  const port = /:([^:\]]*)$/.exec(host)?.[1];
  if (port !== undefined && !/^[0-9]*$/.test(port) && !host.endsWith(']')) failure(whole, `invalid port ${quote(`:${port}`)} after host`);
  const bad = /[ "<>\\^`{|}]/.exec(host)?.[0];
  if (bad !== undefined) failure(whole, `invalid character ${quote(bad)} in host name`);
}

function parseUrl(whole: string): Url {
  if (/[\x00-\x1f\x7f]/.test(whole)) failure(whole, 'net/url: invalid control character in URL');
  const [beforeFragment, rawFragment = ''] = cut(whole, '#');
  const fragment = unescaped(rawFragment, whole);
  if (/^:/.test(beforeFragment)) failure(beforeFragment, 'missing protocol scheme');
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(beforeFragment)?.[1] ?? '';
  const afterScheme = scheme === '' ? beforeFragment : beforeFragment.slice(scheme.length + 1);
  const [rest, query = ''] = cut(afterScheme, '?');
  const base = { scheme: scheme.toLowerCase(), query, fragment };
  if (!rest.startsWith('/')) {
    if (scheme !== '') return { ...base, opaque: rest, userinfo: undefined, host: '', path: '' };
    if (cut(rest, '/')[0].includes(':')) failure(beforeFragment, 'first path segment in URL cannot contain colon');
  }
  if (!rest.startsWith('//') || (scheme === '' && rest.startsWith('///'))) {
    return { ...base, opaque: '', userinfo: undefined, host: '', path: unescaped(rest, whole) };
  }
  const slash = rest.indexOf('/', 2);
  const authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash);
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  checkHost(host, whole);
  return {
    ...base,
    opaque: '',
    userinfo: at < 0 ? undefined : normalUserinfo(authority.slice(0, at), whole),
    host: unescaped(host, whole),
    path: slash < 0 ? '' : unescaped(rest.slice(slash), whole),
  };
}

function hostname(host: string): string {
  const bracketed = /^\[(.*)\](?::[0-9]*)?$/.exec(host)?.[1];
  return bracketed ?? host.replace(/:[0-9]*$/, '');
}

function part(parts: Dict, key: string): string {
  const value = parts.entries.has(key) ? parts.entries.get(key) : '';
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) throw new FunctionError('runtime error: invalid memory address or nil pointer dereference');
  throw new FunctionError(`unable to parse ${key} key, must be of type string, but ${kindName(value)} found`);
}

function joinUrl(parts: Dict): string {
  const [scheme, host, path, query, opaque, fragment, userinfo] = ['scheme', 'host', 'path', 'query', 'opaque', 'fragment', 'userinfo'].map(
    (key) => part(parts, key),
  ) as [string, string, string, string, string, string, string];
  let out = scheme === '' ? '' : `${scheme}:`;
  if (opaque !== '') out += opaque;
  else {
    if (scheme !== '' || host !== '' || userinfo !== '') {
      if (host !== '' || path !== '' || userinfo !== '') out += '//';
      if (userinfo !== '') out += `${normalUserinfo(userinfo, `proto://${userinfo}@host`)}@`;
      out += percentEscape(host, `${PATH_SAFE}!'()*[]<>"`);
    }
    const escaped = path === '*' ? '*' : percentEscape(path, PATH_SAFE);
    if (escaped !== '' && !escaped.startsWith('/') && host !== '') out += '/';
    if (out === '' && cut(escaped, '/')[0].includes(':')) out += './';
    out += escaped;
  }
  if (query !== '') out += `?${query}`;
  return fragment === '' ? out : `${out}#${percentEscape(fragment, `${PATH_SAFE}?!()*`)}`;
}

export const urlFunctions: FunctionMap = {
  urlParse: fn(['string'], (text) => {
    const { scheme, host, path, query, opaque, fragment, userinfo } = parseUrl(text);
    return dict(Object.entries({ scheme, host, hostname: hostname(host), path, query, opaque, fragment, userinfo: userinfo ?? '' }));
  }),
  urlJoin: fn(['dict'], joinUrl),
};
