import * as v from 'valibot';
import type { ContainerConfig, ImageConfig } from '../manifest.ts';
import type { Healthcheck } from './instruction.ts';

/** What an image says about how it is run; beyond image-spec, what Docker's images have and other builders write too. */
export interface BuiltConfig extends ContainerConfig {
  readonly Shell?: readonly string[];
  readonly Healthcheck?: Healthcheck;
  readonly OnBuild?: readonly string[];
}

/** The configuration while instructions change it. */
export interface StageState {
  readonly env: Map<string, string>;
  readonly labels: Map<string, string>;
  readonly ports: Set<string>;
  readonly volumes: Set<string>;
  readonly onBuild: string[];
  user: string | undefined;
  workdir: string | undefined;
  entrypoint: readonly string[] | undefined;
  cmd: readonly string[] | undefined;
  cmdSet: boolean;
  stopSignal: string | undefined;
  shell: readonly string[] | undefined;
  healthcheck: Healthcheck | undefined;
  author: string | undefined;
}

// What the environment of every container needs, put into images that do not set it (as buildah does).
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const number = v.exactOptional(v.number());
const docker = v.object({
  Shell: v.nullish(v.array(v.string())),
  OnBuild: v.nullish(v.array(v.string())),
  Healthcheck: v.nullish(
    v.object({ Test: v.array(v.string()), Interval: number, Timeout: number, StartPeriod: number, StartInterval: number, Retries: number }),
  ),
});

/** Members of a config that are Docker's own; those of another form count as absent. */
export function dockerMembers(config: object | undefined): v.InferOutput<typeof docker> {
  const read = v.safeParse(docker, config ?? {});
  return read.success ? read.output : {};
}

/** How a stage begins: with what its base image says. Its ONBUILD is not taken over, it is carried out. */
export function beginStage(base: ImageConfig | undefined): StageState {
  const config = base?.config ?? {};
  const { Shell, Healthcheck } = dockerMembers(config);
  const env = new Map((config.Env ?? []).map((pair) => [pair.split('=', 1)[0] ?? '', pair.slice(pair.indexOf('=') + 1)]));
  if (!env.has('PATH')) env.set('PATH', DEFAULT_PATH);
  return {
    env,
    labels: new Map(Object.entries(config.Labels ?? {})),
    ports: new Set(Object.keys(config.ExposedPorts ?? {})),
    volumes: new Set(Object.keys(config.Volumes ?? {})),
    onBuild: [],
    user: config.User,
    workdir: config.WorkingDir,
    entrypoint: config.Entrypoint,
    cmd: config.Cmd,
    cmdSet: false,
    stopSignal: config.StopSignal,
    shell: Shell ?? undefined,
    healthcheck: Healthcheck ?? undefined,
    author: base?.author,
  };
}

/** The configuration as an image has it: sorted, without what is empty. */
export function configOf(state: StageState): BuiltConfig {
  const keys = (set: ReadonlySet<string>) => Object.fromEntries([...set].sort().map((key) => [key, {}]));
  return {
    ...(state.user ? { User: state.user } : {}),
    ...(state.ports.size > 0 ? { ExposedPorts: keys(state.ports) } : {}),
    Env: [...state.env].map(([key, value]) => `${key}=${value}`),
    ...(state.entrypoint?.length ? { Entrypoint: state.entrypoint } : {}),
    ...(state.cmd?.length ? { Cmd: state.cmd } : {}),
    ...(state.volumes.size > 0 ? { Volumes: keys(state.volumes) } : {}),
    ...(state.workdir ? { WorkingDir: state.workdir } : {}),
    ...(state.labels.size > 0 ? { Labels: Object.fromEntries([...state.labels].sort(([a], [b]) => (a < b ? -1 : 1))) } : {}),
    ...(state.stopSignal ? { StopSignal: state.stopSignal } : {}),
    ...(state.healthcheck ? { Healthcheck: state.healthcheck } : {}),
    ...(state.shell ? { Shell: state.shell } : {}),
    ...(state.onBuild.length > 0 ? { OnBuild: state.onBuild } : {}),
  };
}
