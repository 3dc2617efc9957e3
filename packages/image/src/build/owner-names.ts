/** Looks up users and groups of an image, from its `/etc/passwd` and `/etc/group`. */
export interface OwnerNames {
  readonly passwd: string;
  readonly group: string;
}

export interface OwnerIds {
  readonly uid: number;
  readonly gid: number;
}

/**
 * `USER[:GROUP]`, names or numbers, as numbers. Without group, a name has its user's own and a number that same number, as
 * in buildah. Returns what is wrong as a text.
 */
export function ownerIds(text: string, names: OwnerNames): OwnerIds | string {
  const [user = '', group] = text.split(':');
  const account = isNumber(user) ? undefined : record(names.passwd, user);
  const uid = isNumber(user) ? Number(user) : Number(account?.[2]);
  if (user === '' || Number.isNaN(uid)) return `there is no user '${user}' in the image's /etc/passwd`;
  if (group === undefined || group === '') return { uid, gid: account === undefined ? uid : Number(account[3]) };
  const gid = isNumber(group) ? Number(group) : Number(record(names.group, group)?.[2]);
  return Number.isNaN(gid) ? `there is no group '${group}' in the image's /etc/group` : { uid, gid };
}

function isNumber(text: string): boolean {
  return /^\d{1,10}$/.test(text);
}

function record(file: string, name: string): readonly string[] | undefined {
  return file
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name);
}
