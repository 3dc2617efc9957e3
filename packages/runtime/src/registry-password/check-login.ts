import { badInput } from '@sealos/image';

/** What bcrypt hashes of a password, and what is too easy to guess; in bytes and characters. */
const LONGEST = 72;
const SHORTEST_USER = 3;
const SHORTEST_PASSWORD = 6;

/**
 * Refuses (exit 2) what cannot be the login of a cluster's registry. Images put it into YAML between quotes, into arguments of scripts, and
 * image-cri-shim cuts it at colons: blanks, quotes, backslashes, colons and what a shell would expand cannot be in it.
 */
export function checkRegistryLogin(username: string, password: string): void {
  if (username.length < SHORTEST_USER || !/^[A-Za-z0-9][A-Za-z0-9._@-]*$/.test(username) || username.length > 64) {
    throw badInput(
      'bad-login',
      `a user name has ${SHORTEST_USER} to 64 letters, digits, '.', '_', '-' and '@', and begins with a letter or a digit`,
    );
  }
  if (password.length < SHORTEST_PASSWORD) throw badInput('bad-login', `a password has ${SHORTEST_PASSWORD} characters at least`);
  if (Buffer.byteLength(password) > LONGEST) throw badInput('bad-login', `a password has ${LONGEST} bytes at most`);
  if (!/^[!#%&()*+,./0-9;<=>?@A-Z[\]^_a-z{|}~-]+$/.test(password)) {
    throw badInput(
      'bad-login',
      'the password has a character that files of images cannot hold',
      'use letters, digits and signs, without blanks, quotes, backslashes, colons and dollar signs',
    );
  }
}
