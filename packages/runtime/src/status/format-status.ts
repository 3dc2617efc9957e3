import { stringify } from 'yaml';
import type { ClusterReport } from './report.ts';

/** A report as YAML; what is not known is left out, as in JSON. */
export function formatStatusYaml(report: ClusterReport): string {
  return stringify(report, { lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' });
}
