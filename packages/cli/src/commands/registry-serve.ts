import type { LogRequest, RegistryFiles } from '@sealos/image';
import { Command, InvalidArgumentError, Option } from 'commander';
import { interrupted } from '../interrupt.ts';

interface ServeFlags {
  readonly port?: number;
  readonly host: string;
  readonly readOnly?: boolean;
  readonly htpasswd?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly pidFile?: string;
  readonly disableLogging?: boolean;
  readonly logLevel: string;
}

/** Port 0: any that is free. */
function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new InvalidArgumentError('a port is a number from 0 to 65535.');
  return Number(text);
}

// The first sealos takes the names of its logging library.
const LEVELS = ['panic', 'fatal', 'error', 'warn', 'warning', 'info', 'debug', 'trace'];

function addServeOptions(command: Command): Command {
  return command
    .option('-p, --port <port>', 'port to listen on; 0: one that is free', parsePort)
    .option('--host <address>', 'address to listen on; 0.0.0.0: all of this machine', '127.0.0.1')
    .option('--read-only', 'refuse whatever would change something')
    .option('--htpasswd <file>', 'let in whom this file names: lines as htpasswd -B writes them')
    .option('--tls-cert <file>', 'speak HTTPS with this certificate (PEM)')
    .option('--tls-key <file>', "the certificate's key (PEM)")
    .option('--pid-file <file>', 'write the number of this process into a file while it serves')
    .addOption(new Option('--disable-logging [bool]', 'log nothing').preset(true).argParser((text) => text !== 'false'))
    .addOption(new Option('--log-level <level>', "'info' logs every request, 'error' only faults").choices(LEVELS).default('error'));
}

export function serveCommand(): Command {
  const command = new Command('serve').description('Be a registry, until Ctrl-C').enablePositionalOptions();
  command.addCommand(
    addServeOptions(
      new Command('filesystem')
        .alias('fs')
        .description("Serve a directory in docker-distribution's layout, such as a cluster image's registry/; made when missing")
        .argument('<dir>', 'the directory'),
    ).action(async (directory: string, flags: ServeFlags) => {
      const { makeRegistryDirectory, openDiskFiles } = await import('@sealos/image');
      await makeRegistryDirectory(directory);
      await serve(await openDiskFiles(directory), { port: 0, ...flags });
    }),
  );
  command.addCommand(
    addServeOptions(
      new Command('inmem').description(
        'Serve from memory; what is pushed is gone at the end (port: -p, else the environment variable PORT)',
      ),
    ).action(async (flags: ServeFlags) => {
      const { memoryFiles } = await import('@sealos/image');
      const { PORT: port } = process.env;
      await serve(memoryFiles(), { port: port === undefined || port === '' ? 0 : parsePort(port), ...flags });
    }),
  );
  return command;
}

async function serve(files: RegistryFiles, flags: ServeFlags & { readonly port: number }): Promise<void> {
  const { badInput, htpasswdAuthorization, serveRegistry } = await import('@sealos/image');
  const { readFile, rm, writeFile } = await import('node:fs/promises');
  if ((flags.tlsCert === undefined) !== (flags.tlsKey === undefined)) throw badInput('bad-flag', '--tls-cert and --tls-key go together');
  const read = (path: string) =>
    readFile(path, 'utf8').catch((error: unknown) => {
      throw badInput('bad-file', `cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
    });
  const tls =
    flags.tlsCert === undefined || flags.tlsKey === undefined
      ? undefined
      : { certificate: await read(flags.tlsCert), key: await read(flags.tlsKey) };
  await using server = await serveRegistry({
    files,
    host: flags.host,
    port: flags.port,
    readOnly: flags.readOnly,
    authorize: flags.htpasswd === undefined ? undefined : await htpasswdAuthorization(flags.htpasswd),
    tls,
    log: flags.disableLogging ? undefined : logger(flags.logLevel),
  });
  if (flags.pidFile !== undefined) await writeFile(flags.pidFile, `${process.pid}\n`);
  try {
    console.log(`serving ${files.title} at ${tls === undefined ? 'http' : 'https'}://${server.address}`);
    await new Promise<void>((resolve) => {
      if (interrupted.aborted) resolve();
      interrupted.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    if (flags.pidFile !== undefined) await rm(flags.pidFile, { force: true });
  }
}

function logger(wanted: string): LogRequest {
  const most = LEVELS.indexOf(wanted);
  return (level, line) => {
    if (LEVELS.indexOf(level) <= most) process.stderr.write(`${new Date().toISOString()} ${level} ${line}\n`);
  };
}
