// A smaller door: images on this machine. A command starts as fast as what it imports, and these need neither a network nor a builder.
export { artifactTypeOf } from './artifact.ts';
export { badInput, SealosError } from './error.ts';
export { openImage, openManifest } from './image.ts';
export { parseImageFilters } from './image-filter.ts';
export { imageSummary } from './image-summary.ts';
export { formatPlatform, parsePlatform } from './platform.ts';
export { prune } from './prune.ts';
export { familiarName, formatReference, parseReference } from './reference.ts';
export { openStore } from './store.ts';
export { findTree, listTrees } from './working-tree/tree-record.ts';
