import { posix } from 'node:path';
import { badInput } from '@sealos/image';

/**
 * The path of a Config, relative to the image's root, in its plain spelling (`./etc//x` is `etc/x`). Throws bad input for one that leaves
 * the image, names a directory or the image itself, or lies in `registry/`, which holds container images by their digests.
 */
export function configPath(text: string): string {
  const path = posix.normalize(text);
  if (text.startsWith('/') || text.split('/').includes('..'))
    throw badInput('bad-clusterfile', `path '${text}' leaves the image`, 'write it relative to the image');
  if (path === '.' || path.endsWith('/') || hasControlCharacter(path)) {
    throw badInput('bad-clusterfile', `path '${text.replaceAll(/[^ -~]/g, '?')}' is not a file's`, 'name a file, such as etc/x.yaml');
  }
  if (path.split('/')[0] === 'registry')
    throw badInput('bad-clusterfile', `path '${text}' lies among the container images`, 'build an image with the ones you want');
  return path;
}

function hasControlCharacter(text: string): boolean {
  return [...text].some((char) => char < ' ' || char === '\u007f');
}
