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
 * `USER[:GROUP]`, names or numbers, as numbers. Without group it is the user's own, for a number that the image does not know
 * that same number. Returns what is
 * wrong as a text.
 */
export function ownerIds(text: string, names: OwnerNames): OwnerIds | string {
  const [user = '', group] = text.split(':');
  const account = record(names.passwd, isNumber(user) ? 2 : 0, user);
  const uid = isNumber(user) ? Number(user) : Number(account?.[2]);
  if (user === '' || Number.isNaN(uid)) return `there is no user '${user}' in the image's /etc/passwd`;
  if (group === undefined || group === '') return { uid, gid: account === undefined ? uid : Number(account[3]) };
  const gid = isNumber(group) ? Number(group) : Number(record(names.group, 0, group)?.[2]);
  return Number.isNaN(gid) ? `there is no group '${group}' in the image's /etc/group` : { uid, gid };
}

function isNumber(text: string): boolean {
  return /^\d{1,10}$/.test(text);
}

function record(file: string, field: number, value: string): readonly string[] | undefined {
  return file
    .split('\n')
    .map((line) => line.split(':'))
    .find((fields) => fields[field] === value);
}
