// Layers that reach for what is outside, lie about themselves, or take more than their share; with what becomes of them when they are unpacked.
import { base256, device, directory, file, gnuLong, hardlink, link, pax, raw, tar } from './hostile-tar.ts';

export interface HostileLayers {
  readonly name: string;
  /** `outside` is the directory that is not to be reached. */
  readonly layers: (outside: string) => readonly Buffer[];
  /** Why unpacking refuses it; undefined: it is unpacked, and nothing leaves the directory. */
  readonly refused?: RegExp;
}

const leaves = /leads out|'\.\.'|links? to nothing|no file in the image/;
const damaged = /damaged|not a tar|cut off|number/;
const ambiguous = /programs understand differently/;
const up = '../'.repeat(12);

export const traversals: readonly HostileLayers[] = [
  { name: 'a name with ..', layers: () => [tar(file('../outside/new'))], refused: leaves },
  { name: 'a name with .. in the middle', layers: () => [tar(file('a/../../outside/new'))], refused: leaves },
  { name: 'a directory named ..', layers: () => [tar(directory('..'))], refused: leaves },
  { name: 'a directory named a/..', layers: () => [tar(directory('a/..'))], refused: leaves },
  { name: 'many ..', layers: (outside) => [tar(file(`${up}${outside.slice(1)}/new`.slice(0, 100)))], refused: leaves },
  { name: 'a name with .. in a pax record', layers: () => [tar(pax({ path: '../outside/new' }), file('innocent'))], refused: leaves },
  { name: 'a name with .. in a GNU record', layers: () => [tar(gnuLong('../outside/new'), file('innocent'))], refused: leaves },
  {
    name: 'a name with .. split over prefix and name',
    layers: () => [tar(raw({ name: './outside/new', prefix: 'x/..//..' }))],
    refused: leaves,
  },
  { name: 'an absolute name', layers: (outside) => [tar(file(`${outside}/new`))] },
  { name: 'an absolute name in a pax record', layers: (outside) => [tar(pax({ path: `${outside}/new` }), file('innocent'))] },
  { name: 'a file behind an absolute link', layers: (outside) => [tar(link('d', outside), file('d/passwd', 'owned'))] },
  { name: 'a file behind a link in a layer below', layers: (outside) => [tar(link('d', outside)), tar(file('d/passwd', 'owned'))] },
  {
    name: 'a file behind a link with ..',
    layers: () => [tar(directory('a'), link('a/d', `${up}etc`), file('a/d/sealos-hostile', 'owned'))],
  },
  {
    name: 'a file behind a chain of links',
    layers: (outside) => [tar(link('a', 'b'), link('b', 'c'), link('c', outside), file('a/passwd', 'owned'))],
  },
  { name: 'a file behind links in a circle', layers: () => [tar(link('a', 'b'), link('b', 'a'), file('a/x'))], refused: /circle/ },
  { name: 'a file behind a link to itself', layers: () => [tar(link('a', 'a'), file('a/x'))], refused: /circle/ },
  { name: 'a directory in the place of a link', layers: (outside) => [tar(link('d', outside), directory('d'), file('d/passwd', 'owned'))] },
  {
    name: 'a link in the place of a directory',
    layers: (outside) => [tar(directory('d'), file('d/x'), link('d', outside), file('d/passwd', 'owned'))],
  },
  {
    name: 'a link that changes between two files',
    layers: (outside) => [tar(link('d', 'e'), file('d/x'), link('d', outside), file('d/passwd', 'owned'))],
  },
  { name: 'a file over a link to a file', layers: (outside) => [tar(link('p', `${outside}/passwd`), file('p', 'owned'))] },
  { name: 'a file over a link of a layer below', layers: (outside) => [tar(link('p', `${outside}/passwd`)), tar(file('p', 'owned'))] },
  {
    name: 'modes for a directory that became a link',
    layers: (outside) => [tar(raw({ name: 'd/', flag: '5', mode: '0000777\0' }), link('d', `${outside}/tree`))],
  },
  { name: 'a hard link to an absolute name', layers: (outside) => [tar(hardlink('h', `${outside}/passwd`))], refused: leaves },
  { name: 'a hard link with ..', layers: () => [tar(hardlink('h', `${up}etc/shadow`))], refused: leaves },
  {
    name: 'a hard link through a link',
    layers: (outside) => [tar(link('d', outside), hardlink('h', 'd/passwd'), file('h', 'owned'))],
    refused: leaves,
  },
  {
    name: 'a hard link to a link, then a file over it',
    layers: (outside) => [tar(link('p', `${outside}/passwd`), hardlink('h', 'p'), file('h', 'owned'))],
  },
  {
    name: 'a hard link in a pax record',
    layers: (outside) => [tar(pax({ linkpath: `${outside}/passwd` }), hardlink('h', 'x'))],
    refused: leaves,
  },
  { name: 'a hard link to nothing', layers: () => [tar(hardlink('h', ''))], refused: leaves },
  { name: 'a hard link to a directory', layers: () => [tar(directory('d'), hardlink('h', 'd'))], refused: leaves },
  { name: 'a hard link to itself', layers: () => [tar(file('h'), hardlink('h', 'h'))], refused: leaves },
  { name: 'a whiteout of ..', layers: () => [tar(file('a/.wh...'))], refused: /names nothing/ },
  { name: 'a whiteout of .', layers: () => [tar(file('a/.wh..'))], refused: /names nothing/ },
  { name: 'a whiteout of nothing', layers: () => [tar(file('.wh.'))], refused: /names nothing/ },
  { name: 'a whiteout above the root', layers: () => [tar(file('../.wh.outside'))], refused: leaves },
  { name: 'a whiteout through a link', layers: (outside) => [tar(link('d', outside)), tar(file('d/.wh.passwd'))] },
  { name: 'an opaque directory through a link', layers: (outside) => [tar(link('d', outside)), tar(file('d/.wh..wh..opq'))] },
  { name: 'an opaque root above the root', layers: () => [tar(file('../.wh..wh..opq'))], refused: leaves },
  { name: 'a whiteout that is a link', layers: (outside) => [tar(file('x')), tar(link('.wh.x', outside))] },
  { name: 'a whiteout that is a directory with files', layers: () => [tar(file('x')), tar(directory('.wh.x'), file('.wh.x/y'))] },
  { name: 'a file below a file', layers: () => [tar(file('f'), file('f/x'))], refused: /not a directory/ },
  { name: 'a directory where a file was, and back', layers: () => [tar(file('f')), tar(directory('f'), file('f/x')), tar(file('f'))] },
];

export const oddities: readonly HostileLayers[] = [
  { name: 'device nodes and a pipe', layers: () => [tar(device('null'), device('disk', '4'), device('pipe', '6'))] },
  {
    name: 'a device node with a numbers out of range',
    layers: () => [tar(raw({ name: 'x', flag: '3', device: ['7777777\0', '7777777\0'] }))],
  },
  { name: 'setuid and setgid', layers: () => [tar(raw({ name: 'su', mode: '0006755\0', content: 'x' }))] },
  { name: 'the same name a hundred times', layers: () => [tar(...Array.from({ length: 100 }, (_, at) => file('x', String(at))))] },
  { name: 'names that differ in case alone', layers: () => [tar(file('README'), file('readme'), file('ReadMe'))] },
  { name: 'names that look the same', layers: () => [tar(file('\u00e9'), file('e\u0301'), file('a\u200b'), file('a'))] },
  { name: 'a name with a line break and escape codes', layers: () => [tar(file('a\nb\x1b]0;owned\x07\x1b[2J'))] },
  {
    name: 'a hostile name that is refused',
    layers: () => [tar(file('../\x1b[2J\u202e\nroot:'))],
    refused: /^the image has the name '\.\.\/\?\[2J\?\?root:'/,
  },
  { name: 'a name of zero bytes', layers: () => [tar(file(Buffer.from('a\0b')))] },
  { name: 'a zero byte in a pax name', layers: () => [tar(pax({ path: 'a\0/../../x' }), file('y'))], refused: /zero byte/ },
  { name: 'a name of 100 KB', layers: () => [tar(gnuLong(`${'n/'.repeat(50_000)}n`), file('y'))], refused: /longer than 4096/ },
  {
    name: 'a part of a name that is too long for a disk',
    layers: () => [tar(pax({ path: 'n'.repeat(300) }), file('y'))],
    refused: /cannot be unpacked \(ENAMETOOLONG\)/,
  },
  { name: 'a name that no text has', layers: () => [tar(file(Buffer.from([0x61, 0xff, 0xfe])))] },
  { name: 'a long name of 2 MB', layers: () => [tar(gnuLong('n'.repeat(2_000_000)), file('y'))], refused: /more than 1 MiB/ },
  { name: 'an empty name', layers: () => [tar(file(''))] },
  { name: 'an empty link', layers: () => [tar(link('l', ''))], refused: /link to nothing/ },
  {
    name: 'a link target of 5000 bytes',
    layers: () => [tar(pax({ linkpath: 't'.repeat(5000) }), link('l', 'x'))],
    refused: /longer than 4096/,
  },
  { name: 'a GNU sparse file', layers: () => [tar(raw({ name: 's', flag: 'S', magic: 'ustar  \0' }))], refused: /sparse/ },
  {
    name: 'a pax sparse file',
    layers: () => [tar(pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9999999999' }), file('s'))],
    refused: /sparse/,
  },
  {
    name: 'an owner out of range',
    layers: () => [tar(pax({ uid: '99999999999' }), file('x'))],
    refused: /cannot be unpacked|not a number/,
  },
  { name: 'a negative owner', layers: () => [tar(pax({ uid: '-5' }), file('x'))], refused: /cannot be unpacked|not a number/ },
  { name: 'a time in the year 285 million', layers: () => [tar(pax({ mtime: '9007199254740991' }), file('x'))] },
  { name: 'a time that is no number', layers: () => [tar(pax({ mtime: '1e9' }), file('x'))], refused: /not a number/ },
  {
    name: 'attributes with hostile names',
    layers: () => [tar(pax({ 'SCHILY.xattr.__proto__': 'x', 'SCHILY.xattr.security.capability': 'y' }), file('x'))],
  },
];

export const lies: readonly HostileLayers[] = [
  { name: 'a wrong checksum', layers: () => [tar(raw({ name: 'x', checksum: '0000000\0' }))], refused: damaged },
  { name: 'a size that is garbage', layers: () => [tar(raw({ name: 'x', size: '12x45678901\0' }))], refused: damaged },
  { name: 'a negative size in octal', layers: () => [tar(raw({ name: 'x', size: '-0000000001\0' }))], refused: damaged },
  { name: 'a negative size in base 256', layers: () => [tar(raw({ name: 'x', size: base256(-1n) }))], refused: damaged },
  { name: 'a size of 2^63', layers: () => [tar(raw({ name: 'x', size: base256(1n << 63n) }))], refused: damaged },
  { name: 'a size of 2^53 - 1', layers: () => [tar(raw({ name: 'x', size: base256((1n << 53n) - 1n) }))], refused: /cut off|disk is full/ },
  { name: 'a size of 8 GiB without the content', layers: () => [tar(raw({ name: 'x', size: '77777777777\0' }))], refused: /cut off/ },
  {
    name: 'a size behind two zero bytes',
    layers: () => [tar(raw({ name: 'x', size: '\0\x000000010\0', content: '12345678' }))],
    refused: /zero bytes/,
  },
  { name: 'a pax size in hexadecimal', layers: () => [tar(pax({ size: '0x1' }), file('x'))], refused: damaged },
  { name: 'a pax size with an exponent', layers: () => [tar(pax({ size: '1e3' }), file('x'))], refused: damaged },
  {
    name: 'a pax size that hides an entry',
    layers: (outside) => [tar(pax({ size: '512' }), raw({ name: 'x', content: '' }), link('d', outside), file('d/passwd'))],
  },
  {
    name: 'a pax record with a length that is too long',
    layers: () => [tar(raw({ name: 'p', flag: 'x', content: '99 path=a\n' }), file('x'))],
    refused: /malformed/,
  },
  {
    name: 'a pax record with a length of zero',
    layers: () => [tar(raw({ name: 'p', flag: 'x', content: '0 path=a\n' }), file('x'))],
    refused: /malformed/,
  },
  {
    name: 'a pax record without a length',
    layers: () => [tar(raw({ name: 'p', flag: 'x', content: 'path=a\n' }), file('x'))],
    refused: /malformed/,
  },
  {
    name: 'a name for all entries in a global header',
    layers: () => [tar(pax({ path: '../outside/new' }, 'g'), file('x'))],
    refused: ambiguous,
  },
  { name: 'a size for all entries in a global header', layers: () => [tar(pax({ size: '0' }, 'g'), file('x', 'y'))], refused: ambiguous },
  { name: 'a global header with a comment', layers: () => [tar(pax({ comment: 'fine' }, 'g'), file('x'))] },
  {
    name: 'two pax headers for one entry',
    layers: () => [tar(pax({ path: '../outside/new' }), pax({ path: 'fine' }), file('x'))],
    refused: ambiguous,
  },
  { name: 'two GNU names for one entry', layers: () => [tar(gnuLong('../outside/new'), gnuLong('fine'), file('x'))], refused: ambiguous },
  {
    name: 'a GNU and a pax name for one entry',
    layers: () => [tar(pax({ path: '../outside/new' }), gnuLong('fine'), file('x'))],
    refused: ambiguous,
  },
  { name: "Solaris' extended header", layers: () => [tar(pax({ path: '../outside/new' }, 'X'), file('x'))], refused: ambiguous },
  { name: 'an entry of an unknown type', layers: () => [tar(raw({ name: 'x', flag: 'Z', content: 'y' }))], refused: ambiguous },
  {
    name: 'a GNU directory listing',
    layers: () => [tar(raw({ name: 'd/', flag: 'D', magic: 'ustar  \0', content: 'Yx\0\0' }))],
    refused: ambiguous,
  },
  {
    name: 'an old GNU long name',
    layers: () => [tar(raw({ name: 'x', flag: 'N', magic: 'ustar  \0', content: 'Rename a to ../b\n' }))],
    refused: ambiguous,
  },
  {
    name: 'a link with a content that is an entry',
    layers: (outside) => [tar(raw({ name: 'l', flag: '2', link: 'x', content: link('d', outside) }), file('d/passwd'))],
    refused: ambiguous,
  },
  {
    name: 'a directory with a content that is an entry',
    layers: (outside) => [tar(raw({ name: 'd/', flag: '5', content: link('e', outside) }))],
    refused: ambiguous,
  },
  { name: 'something behind the end', layers: (outside) => [Buffer.concat([tar(file('x')), link('d', outside), file('d/passwd')])] },
  { name: 'cut off in a content', layers: () => [tar(file('x', 'y'.repeat(5000))).subarray(0, 2000)], refused: /cut off/ },
  { name: 'cut off in a header', layers: () => [tar(file('x')).subarray(0, 300)], refused: /cut off/ },
  { name: 'nothing at all', layers: () => [Buffer.alloc(0)], refused: /empty/ },
  { name: 'text', layers: () => [Buffer.from('hello '.repeat(200))], refused: damaged },
];
