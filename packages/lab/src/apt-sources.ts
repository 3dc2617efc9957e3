/** Where a Debian or Ubuntu system takes its own packages from. */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

/** Reads the one-line format (sources.list(5)): `deb [options] URI SUITE COMPONENT…`. Source packages and comments are left out. */
export function parseSourcesList(text: string): readonly AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const words = /^\s*deb\s+(?:\[[^\]]*\]\s*)?([^#]*)/.exec(line)?.[1]?.trim().split(/\s+/);
    const [uri, suite, ...components] = words ?? [];
    if (uri !== undefined && suite !== undefined) sources.push({ uri, suite, components });
  }
  return sources;
}

/** Reads the deb822 format (sources.list(5)): stanzas of `Types`, `URIs`, `Suites`, `Components`; every URI with every suite. */
export function parseDeb822(text: string): readonly AptSource[] {
  const withoutComments = text.split('\n').filter((line) => !line.startsWith('#'));
  return withoutComments
    .join('\n')
    .split(/\n\s*\n/)
    .flatMap((stanza) => {
      const words = (name: string) => new RegExp(`^${name}:((?:.|\\n[ \\t])*)`, 'im').exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
      if (!words('Types').includes('deb') || words('Enabled')[0]?.toLowerCase() === 'no') return [];
      const components = words('Components');
      return words('URIs').flatMap((uri) => words('Suites').map((suite) => ({ uri, suite, components })));
    });
}

/** The distribution of this machine, from os-release(5). */
export interface Distribution {
  readonly id: string;
  readonly codename: string | undefined;
}

export function parseOsRelease(text: string): Distribution {
  const value = (name: string) => new RegExp(`^${name}=["']?([^"'\\n]*)`, 'm').exec(text)?.[1];
  return { id: value('ID') ?? 'unknown', codename: value('VERSION_CODENAME') };
}

/** What debootstrap is told: where the packages are, and of which release. */
export interface Mirror {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

/**
 * The mirror of the machine's own release among its apt sources: the first one whose suite is the release's codename and that holds the
 * distribution's main component. Uris that only apt understands (cdrom, mirror+file…) are passed over. undefined when there is none.
 */
export function chooseMirror(distribution: Distribution, sources: readonly AptSource[]): Mirror | undefined {
  const { id, codename } = distribution;
  const usable = sources.filter(({ uri, components }) => /^(https?|file):/.test(uri) && components.includes('main'));
  const release = codename === undefined ? undefined : usable.find(({ suite }) => suite === codename);
  // A machine without a codename (Debian testing and unstable): what it calls its release is what its first source says.
  const chosen = release ?? usable.find(({ suite }) => /^[a-z]+$/.test(suite));
  if (chosen === undefined) return undefined;
  return { uri: chosen.uri.replace(/\/+$/, ''), suite: chosen.suite, components: id === 'ubuntu' ? ['main', 'universe'] : ['main'] };
}
