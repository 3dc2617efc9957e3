// sprig: semver.

import { FunctionError } from '../error.ts';
import { type FunctionMap, fn, type GoFunction } from '../function.ts';
import { compareVersions, parseConstraints, parseVersion, satisfies, type Version, versionText } from '../semver.ts';
import { type Instance, int, isInstance, type Value } from '../value.ts';

const TYPE = '*semver.Version';

function versionOf(value: Value): Version {
  if (isInstance(value) && value.type === TYPE) return parseVersion(value.text);
  throw new FunctionError('runtime error: invalid memory address or nil pointer dereference');
}

function comparison(version: Version, test: (order: number) => boolean): GoFunction {
  return fn(['any'], (other) => test(compareVersions(version, versionOf(other))));
}

function instance(version: Version): Instance {
  const { major, minor, patch, prerelease, metadata, original } = version;
  const prefix = original.startsWith('v') ? 'v' : '';
  const bumped = (next: Partial<Version>) => {
    const changed = { ...version, prerelease: '', metadata: '', ...next };
    return instance({ ...changed, original: prefix + versionText(changed) });
  };
  return {
    kind: 'instance',
    type: TYPE,
    text: versionText(version),
    json: versionText(version),
    native: version,
    methods: {
      Major: fn([], () => int(major, 'uint64')),
      Minor: fn([], () => int(minor, 'uint64')),
      Patch: fn([], () => int(patch, 'uint64')),
      Prerelease: fn([], () => prerelease),
      Metadata: fn([], () => metadata),
      Original: fn([], () => original),
      String: fn([], () => versionText(version)),
      Compare: fn(['any'], (other) => int(compareVersions(version, versionOf(other)))),
      Equal: comparison(version, (order) => order === 0),
      LessThan: comparison(version, (order) => order < 0),
      GreaterThan: comparison(version, (order) => order > 0),
      IncMajor: fn([], () => bumped({ major: major + 1n, minor: 0n, patch: 0n })),
      IncMinor: fn([], () => bumped({ minor: minor + 1n, patch: 0n })),
      IncPatch: fn([], () => bumped({ patch: prerelease === '' && metadata === '' ? patch + 1n : patch })),
    },
  };
}

export const semverFunctions: FunctionMap = {
  semver: fn(['string'], (text) => instance(parseVersion(text))),
  semverCompare: fn(['string', 'string'], (constraint, version, { budget }) => {
    budget.work(constraint.length);
    const constraints = parseConstraints(constraint);
    return satisfies(parseVersion(version), constraints);
  }),
};
