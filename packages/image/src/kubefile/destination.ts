/** Without `.`, `..` and double slashes, below `/`, no slash at its end (the root itself is `/`). */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** An absolute path in the image; what is relative is below `workdir`. A slash at the end, or `/.`, stays as a slash: it says that this is a directory. */
export function imagePath(path: string, workdir: string): string {
  const clean = cleanPath(path.startsWith('/') ? path : `${workdir}/${path}`);
  const isDirectory = path === '.' || path.endsWith('/') || path.endsWith('/.');
  return isDirectory && clean !== '/' ? `${clean}/` : clean;
}

/** WORKDIR: an absolute path is kept as it is written, a relative one goes on from the last. */
export function directoryPath(path: string, workdir: string): string {
  return path.startsWith('/') ? path : cleanPath(`${workdir}/${path}`);
}
