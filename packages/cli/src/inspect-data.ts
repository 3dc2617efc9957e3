import type { Image, WorkingTree } from '@sealos/image';

/** What `inspect` shows of an image: the members of buildah's that published pipelines read. */
export function imageData(image: Image, name: string): Readonly<Record<string, unknown>> {
  const last = image.config.history?.at(-1);
  return {
    Type: 'image',
    FromImage: name,
    FromImageID: image.manifest.config.digest.slice('sha256:'.length),
    FromImageDigest: image.descriptor.digest,
    Manifest: image.manifest,
    ImageAnnotations: image.manifest.annotations ?? {},
    ImageCreatedBy: last?.created_by ?? '',
    OCIv1: image.config,
  };
}

/** The same of a container: an image that is unpacked. */
export function containerData(tree: WorkingTree, image: object): Readonly<Record<string, unknown>> {
  return { ...image, Type: 'container', Container: tree.name, ContainerID: tree.id, MountPoint: tree.isMounted ? tree.root : '' };
}

// Go's names of the members whose JSON names are others.
const GO_NAMES: Readonly<Record<string, string>> = {
  os: 'OS',
  'os.version': 'OSVersion',
  rootfs: 'RootFS',
  diff_ids: 'DiffIDs',
  created_by: 'CreatedBy',
  empty_layer: 'EmptyLayer',
  mediaType: 'MediaType',
  schemaVersion: 'SchemaVersion',
};
// Their keys are the image's own.
const MAPS = new Set(['Labels', 'annotations', 'ImageAnnotations', 'ExposedPorts', 'Volumes']);

/** The data as templates see it: `{{.OCIv1.Architecture}}`, as buildah's Go structures are named, beside `{{.OCIv1.architecture}}`, as its JSON is. */
export function withGoNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withGoNames);
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value).flatMap(([key, member]) => {
    const inner = MAPS.has(key) ? member : withGoNames(member);
    const goName = GO_NAMES[key] ?? `${key.charAt(0).toUpperCase()}${key.slice(1)}`;
    return goName === key ? [[key, inner] as const] : [[key, inner] as const, [goName, inner] as const];
  });
  return Object.fromEntries(members);
}
