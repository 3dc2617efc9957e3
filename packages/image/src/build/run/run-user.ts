import type { OwnerNames } from '../owner-names.ts';

/** As whom a RUN runs. */
export interface RunUser {
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** `USER[:GROUP]` of the image, names or numbers; a user's own group and home are those of `/etc/passwd`. Returns what is wrong as a text. */
export function runUser(text: string, names: OwnerNames): RunUser | string {
  const [user = '', group] = text.split(':');
  if (user === '') return { uid: 0, gid: 0, home: '/root' };
  const isNumber = /^\d{1,10}$/.test(user);
  const account = rows(names.passwd).find((row) => (isNumber ? row[2] === user : row[0] === user));
  if (account === undefined && !isNumber) return `there is no user '${user}' in the image's /etc/passwd`;
  const uid = isNumber ? Number(user) : Number(account?.[2]);
  const home = account?.[5] || (uid === 0 ? '/root' : '/');
  if (group === undefined || group === '') return { uid, gid: Number(account?.[3] ?? 0), home };
  const gid = /^\d{1,10}$/.test(group) ? group : rows(names.group).find((row) => row[0] === group)?.[2];
  return gid === undefined ? `there is no group '${group}' in the image's /etc/group` : { uid, gid: Number(gid), home };
}

function rows(file: string): readonly (readonly string[])[] {
  return file.split('\n').map((line) => line.split(':'));
}
