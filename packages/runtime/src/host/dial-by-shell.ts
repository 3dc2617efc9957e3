import { Duplex, finished, type Readable } from 'node:stream';
import { quote } from './script.ts';
import type { RemoteCommand, Transport } from './transport.ts';

/** RFC 4254, 5.1: SSH_OPEN_ADMINISTRATIVELY_PROHIBITED. */
const ADMINISTRATIVELY_PROHIBITED = 1;

/** Whether sshd refused to forward a connection because it forwards none (AllowTcpForwarding), not because nothing listened. */
export function forbidsForwarding(error: unknown): boolean {
  return error instanceof Error && 'reason' in error && error.reason === ADMINISTRATIVELY_PROHIBITED;
}

const OPEN = 'open\n';

/** Ends when either side does. Its arguments are the address and the port. */
const RELAY = `exec 3<>"/dev/tcp/$1/$2" 4<&0 || exit; printf "open\\n"
cat <&3 & reader=$!
{ cat <&4 >&3; kill $reader; } >&3 2>/dev/null & writer=$!
exec 3>&- 4<&-
wait $reader
kill $writer`;

/** Understood by every login shell: one line, no single quote inside. The program itself comes on standard input. */
const SHELL = 'IFS= read -r -t 60 -d "" sealos_program && eval "$sealos_program"';

/**
 * A TCP connection from the host, made by bash there (`/dev/tcp`): hardened hosts run commands over SSH and forward nothing. Ends on both sides
 * when either does. `ip` and `port` are as the host sees them. Rejects with what bash says where nothing accepts it.
 */
export async function dialByShell(transport: Transport, ip: string, port: number): Promise<Duplex> {
  const command = await transport.start(`bash -c ${quote(SHELL)} sealos-relay ${quote(ip)} ${port}`);
  command.stdin.on('error', () => {}); // what it says, or its end, tells what happened
  command.stdin.write(`${RELAY}\0`);
  await opened(command);
  return streamOf(command);
}

function streamOf({ stdin, stdout, end }: RemoteCommand): Duplex {
  const connection = new Duplex({
    allowHalfOpen: false,
    read: () => void stdout.resume(),
    write: (chunk, _encoding, done) => void stdin.write(chunk, done),
    // A channel that the host closed has ended its input already.
    final: (done) => (stdin.writableEnded ? done() : void stdin.end(done)),
    destroy: (error, done) => {
      end();
      done(error);
    },
  });
  stdin.on('error', (error) => connection.destroy(error));
  stdout.on('data', (chunk: Buffer) => {
    if (!connection.push(chunk)) stdout.pause();
  });
  finished(stdout, { writable: false }, () => connection.push(null));
  return connection;
}

/** Waits for the relay's own first line, and leaves what came after it unread. */
async function opened({ stdout, stderr, exit, end }: RemoteCommand): Promise<void> {
  const said: Buffer[] = [];
  stderr.on('data', (chunk: Buffer) => void said.push(chunk));
  try {
    const line = await firstBytes(stdout, OPEN.length);
    if (line === OPEN) return;
    await exit;
    throw new Error(Buffer.concat(said).toString().trim().split('\n').at(-1) || 'the relay did not start there');
  } catch (error) {
    end();
    throw error;
  }
}

/** The first bytes of a stream as text; fewer where it ends before. */
function firstBytes(stream: Readable, length: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      stream.removeListener('readable', look);
      stream.removeListener('end', onEnd);
      stream.removeListener('close', onEnd);
      stream.removeListener('error', reject);
      act();
    };
    const look = () => {
      const chunk: Buffer | null = stream.read(length);
      if (chunk !== null) settle(() => resolve(chunk.toString()));
    };
    const onEnd = () => settle(() => resolve(''));
    stream.on('readable', look);
    stream.once('end', onEnd);
    stream.once('close', onEnd);
    stream.once('error', reject);
  });
}
