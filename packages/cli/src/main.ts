import { runCommandLine } from './command-line.ts';

// A promise and no `await`: the single executable is made of this very file, as CommonJS.
void runCommandLine(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
