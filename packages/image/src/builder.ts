// A smaller door: building. A command starts as fast as what it imports, and a build needs nothing of offline packages and their templates.
export { attest } from './attest/attach.ts';
export { buildImage, contextRoot, prepareBuild } from './build/build-image.ts';
export { addToIndex } from './build/build-index.ts';
export { ARCHIVE_LIST } from './discovery/archive-list.ts';
export { discoverImages, formatPlace } from './discovery/discover.ts';
export { badInput } from './error.ts';
export { hostPlatform, parsePlatform } from './platform.ts';
export { familiarName, formatReference, parseReference } from './reference.ts';
export { openRegistry } from './registry/registry.ts';
export { pullImage } from './registry/transfer.ts';
export { namedImages } from './saved-registry/named-images.ts';
export { saveContextImages } from './saved-registry/save-context.ts';
export { saveListed } from './saved-registry/save-listed.ts';
export { openStore } from './store.ts';
