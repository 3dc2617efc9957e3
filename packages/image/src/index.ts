export * from './content.ts';
export * from './digest.ts';
export * from './error.ts';
export * from './manifest.ts';
export * from './media-types.ts';
export * from './reference.ts';
