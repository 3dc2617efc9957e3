// A smaller door: signatures, and what else belongs to images. A command starts as fast as what it imports, and these need no builder.
export { badInput } from './error.ts';
export { resolveManifest } from './image.ts';
export { parsePlatform } from './platform.ts';
export { familiarName, parseReference } from './reference.ts';
export { openRegistry } from './registry/registry.ts';
export { openStore } from './store.ts';
export { generateKeyFiles, readPrivateKey } from './trust/private-key.ts';
export { listReferrers, readReferrer } from './trust/referrers.ts';
export { signImage } from './trust/sign-image.ts';
export { readKeyFile, readTrust } from './trust/trust.ts';
export { verifyImage } from './trust/verify-image.ts';
