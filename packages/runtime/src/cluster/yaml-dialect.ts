import type { DocumentOptions, ParseOptions, ScalarTag, SchemaOptions, Tags, ToJSOptions } from 'yaml';

/** Kinds of YAML 1.1 that go-yaml, which Kubernetes and sealos read with, does not know. */
const unknownToGo = /:(?:timestamp|omap|pairs|set|binary)$/;
const truth = /^(?:[Yy]es|YES|[Tt]rue|TRUE|[Oo]n|ON)$/;
const falsehood = /^(?:[Nn]o|NO|[Ff]alse|FALSE|[Oo]ff|OFF)$/;

/**
 * YAML as Kubernetes reads it: 1.1 (`yes` is true, `0644` is octal, `<<` merges), but dates and `1:30` stay text, and so do `y` and `n`,
 * which are names of members more often than answers.
 */
export const goYaml: ParseOptions & DocumentOptions & SchemaOptions = {
  version: '1.1',
  customTags: (tags: Tags): Tags =>
    tags.flatMap((tag): Tags => {
      if (typeof tag === 'string') return [tag];
      if (unknownToGo.test(tag.tag) || ('format' in tag && tag.format === 'TIME')) return [];
      return [tag.tag.endsWith(':bool') && isScalarTag(tag) ? { ...tag, test: tag.test?.test('yes') ? truth : falsehood } : tag];
    }),
};

function isScalarTag(tag: Exclude<Tags[number], string>): tag is ScalarTag {
  return tag.collection === undefined;
}

/** How documents become plain data: text that blows up by its aliases is refused. */
export const toPlain: ToJSOptions = { maxAliasCount: 1000 };

/** How documents are written: no wrapped lines, no anchors, and quotes round all that YAML 1.1 would not take for text. */
export const written = { lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' } as const;
