import { Argument, Command } from 'commander';
import { type Shell, shells } from '../completion-script.ts';

export function completionCommand(): Command {
  return new Command('completion')
    .description('Print a completion script: source it in your shell, e.g. source <(sealos completion bash)')
    .addArgument(new Argument('<shell>').choices(shells))
    .action(async (shell: Shell) => {
      const [{ completionScript }, { wholeProgram }, { describeCommand }] = await Promise.all([
        import('../completion-script.ts'),
        import('../command-line.ts'),
        import('../command-tree.ts'),
      ]);
      process.stdout.write(completionScript(shell, describeCommand(await wholeProgram())));
    });
}
