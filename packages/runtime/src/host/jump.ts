import { isIP } from 'node:net';
import { badInput } from '@sealos/image';
import { canonicalIp } from '../address-list.ts';

/** A host on the way to others, as the user names it. */
export interface JumpHost {
  /** A DNS name, an address, or a `Host` of the SSH configuration. */
  readonly host: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

/**
 * Jump hosts as OpenSSH's ProxyJump writes them: `[USER@]HOST[:PORT]` or `ssh://[USER@]HOST[:PORT]`, several separated by commas, in the
 * order in which they are passed; `none` for none. IPv6 with a port is `[IP]:PORT`. Throws bad input.
 */
export function parseJumps(text: string): readonly JumpHost[] {
  if (text.trim().toLowerCase() === 'none' || text.trim() === '') return [];
  return text.split(',').map((item) => parseJump(item.trim()));
}

function parseJump(item: string): JumpHost {
  const text = item.replace(/^ssh:\/\//i, '').replace(/\/$/, '');
  const at = text.lastIndexOf('@');
  const user = at < 0 ? undefined : text.slice(0, at);
  const place = text.slice(at + 1);
  const match =
    isIP(place) === 6
      ? { host: place, port: undefined }
      : (/^\[(?<host>[^\]]+)\](?::(?<port>\d{1,5}))?$/.exec(place) ?? /^(?<host>[^:\s/[\]]+)(?::(?<port>\d{1,5}))?$/.exec(place))?.groups;
  const host = match?.['host'];
  const port = match?.['port'] === undefined ? undefined : Number(match['port']);
  if (host === undefined || host.startsWith('-') || user === '' || (port !== undefined && (port < 1 || port > 65535))) {
    throw badInput('bad-jump', `'${item}' is not a jump host`, 'write [USER@]HOST[:PORT], several separated by commas');
  }
  return {
    host: isIP(host) === 0 ? host : canonicalIp(host),
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port }),
  };
}

/** Whether a text is one that `parseJumps` takes. */
export function isJumpList(text: string): boolean {
  try {
    parseJumps(text);
    return true;
  } catch {
    return false;
  }
}
