// A smaller door: building. A command starts as fast as what it imports, and a build needs nothing of offline packages and their templates.
export { buildImage, prepareBuild } from './build/build-image.ts';
export { addToIndex } from './build/build-index.ts';
export { badInput } from './error.ts';
export { parsePlatform } from './platform.ts';
export { familiarName, parseReference } from './reference.ts';
export { openRegistry } from './registry/registry.ts';
export { pullImage } from './registry/transfer.ts';
export { saveContextImages } from './saved-registry/save-context.ts';
export { openStore } from './store.ts';
