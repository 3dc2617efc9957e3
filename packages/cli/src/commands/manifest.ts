import { Command } from 'commander';
import { addCommand, annotateCommand, createCommand, removeCommand } from './manifest-edit.ts';
import { existsCommand, inspectCommand, rmCommand } from './manifest-look.ts';
import { pushCommand } from './manifest-push.ts';

export function manifestCommand(): Command {
  const command = new Command('manifest')
    .description('Put images of several platforms under one name: a manifest list, also called index')
    .enablePositionalOptions();
  const children = [createCommand, addCommand, annotateCommand, inspectCommand, pushCommand, removeCommand, rmCommand, existsCommand];
  for (const make of children) command.addCommand(make());
  return command;
}
