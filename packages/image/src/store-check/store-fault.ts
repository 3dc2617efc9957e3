/** One thing that is wrong in a store. */
export interface StoreFault {
  /** `layout`: its `oci-layout`; `index`: its `index.json` or an entry there; `blob`: a content; `name`: an image; `stray`: a file that has no business there. */
  readonly kind: 'layout' | 'index' | 'blob' | 'name' | 'stray' | 'cache' | 'lease' | 'lock';
  /** The file, relative to the store; of a name, the name. */
  readonly subject: string;
  /** What is wrong with it, one sentence without the subject. */
  readonly text: string;
  /** What was done about it. */
  readonly mended?: string;
}

export interface StoreReport {
  readonly path: string;
  readonly images: number;
  readonly blobs: number;
  readonly bytes: number;
  /** What no name leads to: `sealos rmi --prune` removes it. */
  readonly unnamed: { readonly blobs: number; readonly bytes: number };
  /** What earlier repairs moved out of the way. */
  readonly quarantine: { readonly files: number; readonly bytes: number };
  readonly faults: readonly StoreFault[];
}
