// A smaller door: images between this machine and registries. A command starts as fast as what it imports, and these need no builder.
export { badInput } from './error.ts';
export { parsePlatform } from './platform.ts';
export { familiarName, parseReference } from './reference.ts';
export { fixedCredentials } from './registry/credentials.ts';
export { openRegistry } from './registry/registry.ts';
export { pullImage, pushImage } from './registry/transfer.ts';
export { openStore } from './store.ts';
