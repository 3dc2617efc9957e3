import * as v from 'valibot';

// The schema of `apps.sealos.io/v1beta1`, as files in the field hold it: what Go writes as null is absent, and members that are not
// known are passed over.

const text = v.string();
const texts = v.nullish(v.array(text), []);
const textMap = v.nullish(v.record(text, text), {});
const optionalText = v.nullish(text);

export const sshSchema = v.object({
  user: optionalText,
  passwd: optionalText,
  pk: optionalText,
  pkName: optionalText,
  pkData: optionalText,
  pkPasswd: optionalText,
  port: v.nullish(
    v.pipe(v.union([v.number(), v.pipe(text, v.regex(/^\d+$/), v.transform(Number))]), v.integer(), v.minValue(0), v.maxValue(65535)),
  ),
});

const conditionSchema = v.object({
  type: text,
  status: v.nullish(text, ''),
  lastHeartbeatTime: optionalText,
  reason: optionalText,
  message: optionalText,
  images: v.nullish(v.array(text)),
});

const mountSchema = v.object({
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

export const clusterSchema = v.object({
  metadata: v.object({
    name: v.nullish(text, 'default'),
    creationTimestamp: optionalText,
    deletionTimestamp: optionalText,
  }),
  spec: v.object({
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
    hosts: v.nullish(v.array(v.object({ ips: v.array(text), roles: v.array(text), env: texts, ssh: v.nullish(sshSchema) })), []),
    env: texts,
    command: texts,
  }),
  status: v.nullish(
    v.object({
      phase: v.nullish(v.fallback(v.nullish(v.picklist(['ClusterInProcess', 'ClusterSuccess', 'ClusterFailed'])), undefined)),
      mounts: v.nullish(v.array(mountSchema), []),
      conditions: v.nullish(v.array(conditionSchema), []),
      commandCondition: v.nullish(v.array(conditionSchema), []),
    }),
  ),
});

export const configSchema = v.object({
  metadata: v.nullish(v.object({ name: v.nullish(text, '') }), { name: '' }),
  spec: v.object({
    match: v.nullish(text, ''),
    path: v.pipe(text, v.nonEmpty('is empty')),
    // Anything else is an override, as sealos takes it.
    strategy: v.fallback(v.picklist(['override', 'merge', 'insert', 'append']), 'override'),
    data: v.nullish(text, ''),
  }),
});

export type ClusterSchema = v.InferOutput<typeof clusterSchema>;
export type SshSchema = v.InferOutput<typeof sshSchema>;
