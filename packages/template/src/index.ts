// Go's text/template with sprig's functions: text in, text out.
export { FunctionError, TemplateError, type TemplateErrorDetails } from './error.ts';
export { type Context, type FunctionMap, fn, type GoFunction } from './function.ts';
export { type ExecuteOptions, type ParseOptions, parseTemplate, type RenderOptions, renderTemplate, type Template } from './template.ts';
export { parseTemplateSet, type TemplateRun, type TemplateSet } from './template-set.ts';
export {
  type Budget,
  createBudget,
  type Dict,
  dict,
  type Float,
  float,
  type Instance,
  int,
  isDict,
  isList,
  isTrue,
  list,
  type StringMap,
  stringMap,
  type TemplateData,
  type Value,
} from './value.ts';
export { readYaml } from './yaml/read.ts';
export { writeYaml } from './yaml/write.ts';
