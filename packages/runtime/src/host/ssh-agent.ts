import ssh2, { type BaseAgent, type IdentityCallback, type ParsedKey, type SignCallback, type SigningRequestOptions } from 'ssh2';

/** Milliseconds. */
const ANSWER_TIMEOUT = 5000;

/** ssh2's agents answer with keys; its types allow entries around them, too. */
function isKey(key: object, publicKey: Buffer): boolean {
  return 'getPublicSSH' in key && typeof key.getPublicSSH === 'function' && publicKey.equals(key.getPublicSSH());
}

/** An agent that shows one of its keys alone, so that sshd is not worn out by the others. `publicKey` is in SSH's wire format. */
export function agentWithKey(socket: string, publicKey: Buffer): BaseAgent<ParsedKey> {
  const agent = new ssh2.OpenSSHAgent(socket);
  return new (class extends ssh2.BaseAgent<ParsedKey> {
    override getIdentities(done: IdentityCallback<ParsedKey>): void {
      agent.getIdentities((error, keys) =>
        done(
          error,
          keys?.filter((key) => isKey(key, publicKey)),
        ),
      );
    }

    override sign(key: ParsedKey, data: Buffer, options: SigningRequestOptions | SignCallback, done?: SignCallback): void {
      if (typeof options === 'function') agent.sign(key, data, options);
      else agent.sign(key, data, options, done);
    }
  })();
}

/** Whether an agent holds a key; false also where it does not answer. */
export function agentHolds(socket: string, publicKey: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ANSWER_TIMEOUT);
    new ssh2.OpenSSHAgent(socket).getIdentities((error, keys) => {
      clearTimeout(timer);
      resolve(!error && (keys ?? []).some((key) => isKey(key, publicKey)));
    });
  });
}
