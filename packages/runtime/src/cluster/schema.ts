import * as v from 'valibot';
import { isJumpList } from '../host/jump.ts';

// The schema of `apps.sealos.io/v1beta1`, as files in the field hold it: what Go writes as null is absent, and members that are not
// known are kept apart (`unknown.ts`).

// YAML can write a zero byte; neither a shell nor a path can hold one.
const text = v.pipe(
  v.string(),
  v.check((value) => !value.includes('\0'), 'holds a zero byte'),
);
const texts = v.nullish(v.array(text), []);
const textMap = v.nullish(v.record(text, text), {});
const optionalText = v.nullish(text);

export const sshSchema = v.object({
  user: optionalText,
  passwd: optionalText,
  passwdFile: optionalText,
  pk: optionalText,
  pkName: optionalText,
  pkData: optionalText,
  pkPasswd: optionalText,
  pkPasswdFile: optionalText,
  proxyJump: v.nullish(v.pipe(text, v.check(isJumpList, 'is not [USER@]HOST[:PORT], several separated by commas'))),
  port: v.nullish(
    v.pipe(v.union([v.number(), v.pipe(text, v.regex(/^\d+$/), v.transform(Number))]), v.integer(), v.minValue(0), v.maxValue(65535)),
  ),
});

export const conditionSchema = v.object({
  type: text,
  status: v.nullish(text, ''),
  lastHeartbeatTime: optionalText,
  reason: optionalText,
  message: optionalText,
  images: v.nullish(v.array(text)),
});

export const mountSchema = v.object({
  name: text,
  type: v.nullish(text, 'application'),
  imageName: text,
  mountPoint: optionalText,
  digest: optionalText,
  env: textMap,
  labels: textMap,
  cmd: texts,
  entrypoint: texts,
});

export const metadataSchema = v.object({
  name: v.nullish(text, 'default'),
  creationTimestamp: optionalText,
  deletionTimestamp: optionalText,
});

export const hostSchema = v.object({ ips: v.array(text), roles: v.array(text), env: texts, ssh: v.nullish(sshSchema) });

export const specSchema = v.object({
  image: v.nullish(
    v.union([
      v.pipe(
        text,
        v.transform((one) => [one]),
      ),
      v.array(text),
    ]),
    [],
  ),
  ssh: v.nullish(sshSchema, {}),
  hosts: v.nullish(v.array(hostSchema), []),
  env: texts,
  command: texts,
});

export const statusSchema = v.object({
  phase: v.nullish(v.fallback(v.nullish(v.picklist(['ClusterInProcess', 'ClusterSuccess', 'ClusterFailed'])), undefined)),
  mounts: v.nullish(v.array(mountSchema), []),
  conditions: v.nullish(v.array(conditionSchema), []),
  commandCondition: v.nullish(v.array(conditionSchema), []),
});

export const clusterSchema = v.object({ metadata: metadataSchema, spec: specSchema, status: v.nullish(statusSchema) });

export const configMetadataSchema = v.object({ name: v.nullish(text, '') });

export const configSpecSchema = v.object({
  match: v.nullish(text, ''),
  path: v.pipe(v.string(), v.nonEmpty('is empty')),
  // Anything else is an override, as sealos takes it.
  strategy: v.fallback(v.picklist(['override', 'merge', 'insert', 'append']), 'override'),
  data: v.nullish(v.string(), ''),
});

export const configSchema = v.object({ metadata: v.nullish(configMetadataSchema, { name: '' }), spec: configSpecSchema });

export type ClusterSchema = v.InferOutput<typeof clusterSchema>;
export type SshSchema = v.InferOutput<typeof sshSchema>;
