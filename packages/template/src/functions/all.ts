// Every function that a template can call. A new file of functions is added here, a new function in its file.
import type { FunctionMap } from '../function.ts';
import { builtinFunctions } from './builtins.ts';
import { compareFunctions } from './compare.ts';
import { defaultFunctions } from './defaults.ts';
import { semverFunctions } from './semver.ts';
import { stringFunctions } from './strings.ts';

export const allFunctions: FunctionMap = {
  ...builtinFunctions,
  ...compareFunctions,
  ...defaultFunctions,
  ...semverFunctions,
  ...stringFunctions,
};
