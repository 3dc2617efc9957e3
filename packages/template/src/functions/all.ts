// Every function that a template can call. A new file of functions is added here, a new function in its file.
import type { FunctionMap } from '../function.ts';
import { builtinFunctions } from './builtins.ts';
import { compareFunctions } from './compare.ts';
import { dateFunctions } from './dates.ts';
import { defaultFunctions } from './defaults.ts';
import { dictFunctions } from './dicts.ts';
import { digestFunctions } from './digests.ts';
import { documentFunctions } from './documents.ts';
import { jsonFunctions } from './json.ts';
import { listFunctions } from './lists.ts';
import { mathFunctions } from './math.ts';
import { networkFunctions } from './network.ts';
import { pathFunctions } from './paths.ts';
import { regexFunctions } from './regex.ts';
import { semverFunctions } from './semver.ts';
import { stringFunctions } from './strings.ts';
import { urlFunctions } from './url.ts';
import { wordFunctions } from './words.ts';

export const allFunctions: FunctionMap = {
  ...builtinFunctions,
  ...compareFunctions,
  ...dateFunctions,
  ...defaultFunctions,
  ...dictFunctions,
  ...digestFunctions,
  ...documentFunctions,
  ...jsonFunctions,
  ...listFunctions,
  ...mathFunctions,
  ...networkFunctions,
  ...pathFunctions,
  ...urlFunctions,
  ...wordFunctions,
  ...regexFunctions,
  ...semverFunctions,
  ...stringFunctions,
};
