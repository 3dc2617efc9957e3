// `npm run bench`: the image commands beside buildah and skopeo, then `run` of 1+1 and of 3+1 hosts beside bare kubeadm. `-- images [MEGABYTES]` or `-- run` alone.
const [part, megabytes] = process.argv.slice(2);
if (part !== 'run') await (await import('./images.ts')).benchImages(Number(megabytes ?? 450));
if (part !== 'images') {
  const { benchRun, shapes } = await import('./run.ts');
  for (const shape of shapes) await benchRun(shape);
}
