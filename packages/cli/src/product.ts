/** The version of sealos: what `version` prints, and `SEALOS_SYS_SEALOS_VERSION` in images' scripts. */
export const version = 'v0.1.0';

declare const SEALOS_COMMIT: string | undefined;

/** The commit that a released executable was built of; undefined where the command line runs from source. */
export const commit: string | undefined = typeof SEALOS_COMMIT === 'undefined' ? undefined : SEALOS_COMMIT;
