// `npm run bench`: the image commands beside buildah and skopeo, then `run` beside bare kubeadm. `-- images [MEGABYTES]` or `-- run` alone.
const [part, megabytes] = process.argv.slice(2);
if (part !== 'run') await (await import('./images.ts')).benchImages(Number(megabytes ?? 450));
if (part !== 'images') await (await import('./run.ts')).benchRun();
