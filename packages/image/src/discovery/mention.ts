/** Where an image was found. */
export interface Place {
  /** Relative to the context. A file in a packed chart is `charts/NAME.tgz/PATH`. */
  readonly file: string;
  /** From 1; absent where a template made the text. */
  readonly line?: number;
}

/**
 * A text that names an image, or seems to. `named`: something that needs an image says so (a container, a list of images). `seeming`: it
 * only looks like one (an argument, a setting), so nothing may fail because of it.
 */
export interface Mention extends Place {
  readonly text: string;
  readonly certainty: 'named' | 'seeming';
}

/** A place as people write it: `manifests/web.yaml:12`. */
export function formatPlace({ file, line }: Place): string {
  return line === undefined ? file : `${file}:${line}`;
}
