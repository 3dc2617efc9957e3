/** Whether an archive is named by a URL. */
export function isArchiveUrl(path: string): boolean {
  return /^https?:\/\//i.test(path);
}

/** An archive's name in messages: a URL without user, password and query, which may hold a token. */
export function shownArchive(path: string): string {
  if (path === '-') return 'standard input';
  if (!isArchiveUrl(path)) return path;
  const url = URL.parse(path);
  return url === null ? path.replace(/[?#].*$/, '').replace(/\/\/[^/]*@/, '//') : `${url.origin}${url.pathname}`;
}
