import type { Clusterfile } from './cluster.ts';

export interface ClusterfileOptions {
  /** The file's name, for errors. */
  readonly name: string;
  /** `.Values` of the Go template that the file is. Without it the text is taken as it is (state is not rendered again). */
  readonly values?: Readonly<Record<string, unknown>> | undefined;
  /** What the template functions `env` and `expandenv` see. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Parses a Clusterfile: any order of documents. Throws bad input with file, line and document number. */
export function parseClusterfile(_text: string, _options: ClusterfileOptions): Clusterfile {
  throw new Error('not reached');
}
