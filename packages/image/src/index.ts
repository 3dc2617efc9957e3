export { CONTAINERD_NAME, type LoadOptions, loadArchive } from './archive.ts';
export { type ArchiveFormat, type SaveOptions, saveArchive } from './archive-save.ts';
export { type OpenArchive, openArchive } from './archive-source.ts';
export type { BlobWriter, WrittenBlob } from './blob.ts';
export * from './build/build-image.ts';
export * from './build/build-index.ts';
export { compress, compressionOf, decompress } from './compress.ts';
export * from './content.ts';
export { type Converted, type ConvertOptions, convertPackage } from './convert/convert-package.ts';
export { olderKubeadm } from './convert/package-kubeadm.ts';
export * from './copy.ts';
export * from './diff/diff-images.ts';
export * from './diff/patch-image.ts';
export * from './digest.ts';
export * from './discovery/discover.ts';
export * from './error.ts';
export * from './files.ts';
export * from './image.ts';
export * from './image-summary.ts';
export * from './json.ts';
export { BUILD_FILES, readBuildFile } from './kubefile/build-file.ts';
export * from './kubefile/evaluate.ts';
export type { Instruction, InstructionBody, Kubefile } from './kubefile/instruction.ts';
export { parseKubefile } from './kubefile/parse.ts';
export * from './layer.ts';
export * from './layer-entries.ts';
export { type LayerEntry, type LayerFiles, type LayerSummary, layerFiles, layerSummary, openLayer } from './layer-files.ts';
export * from './login.ts';
export * from './manifest.ts';
export * from './manifest-list/edit.ts';
export * from './manifest-list/list.ts';
export type { MemberFacts } from './manifest-list/member.ts';
export * from './manifest-list/push-list.ts';
export * from './manifest-parse.ts';
export * from './media-types.ts';
export * from './merge/merge-images.ts';
export * from './parallel.ts';
export * from './platform.ts';
export * from './reference.ts';
export {
  type CredentialLookup,
  type Credentials,
  type FoundCredentials,
  fixedCredentials,
  storedCredentials,
} from './registry/credentials.ts';
export { parseRegistriesConf, type RegistriesConf, readRegistriesConf } from './registry/registries-conf.ts';
export * from './registry/registry.ts';
export type { RetryEvent, RetryPolicy } from './registry/retry.ts';
export * from './registry/transfer.ts';
export type { Timeouts } from './registry/transport.ts';
export { htpasswdAuthorization } from './registry-server/basic-auth.ts';
export { openDiskFiles } from './registry-server/disk-files.ts';
export type { RegistryFiles } from './registry-server/files.ts';
export { memoryFiles } from './registry-server/memory-files.ts';
export * from './registry-server/serve-registry.ts';
export * from './saved-registry/save-context.ts';
export * from './saved-registry/save-images.ts';
export * from './saved-registry/saved-registry.ts';
export * from './store.ts';
export { type CheckStoreOptions, checkStore } from './store-check/check-store.ts';
export { oneLine, type StoreFault, type StoreReport } from './store-check/store-fault.ts';
export type { Garbage } from './store-garbage.ts';
export type { StoredImage } from './store-index.ts';
export * from './tar.ts';
export { readTar, type TarItem } from './tar-read.ts';
export { writeTar } from './tar-write.ts';
export * from './unpack.ts';
export * from './verify.ts';
