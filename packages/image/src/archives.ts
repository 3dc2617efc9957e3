// A smaller door: images in archives, and whom to believe about what comes out of them.
export { loadArchive } from './archive.ts';
export { saveArchive } from './archive-save.ts';
export { saveDirectory } from './save-directory.ts';
export { readTrust } from './trust/trust.ts';
