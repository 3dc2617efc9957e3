/** The version of sealos: what `version` prints, and `SEALOS_SYS_SEALOS_VERSION` in images' scripts. */
export const version = 'v0.1.0';
