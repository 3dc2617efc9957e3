import { enableCompileCache } from 'node:module';

// Type stripping and compiling are done once per change of a file.
enableCompileCache();
const { runCommandLine } = await import('./command-line.ts');
process.exitCode = await runCommandLine(process.argv.slice(2));
