// Node from version 25 on needs libatomic.so.1, which servers seldom have (Debian and Ubuntu install it with compilers only), for one function
// of it. That function is put into the executable here, and the library is needed no more. The layout is that of the System V ABI (ELF-64)
// and, for symbol versions, of the LSB.
import type { Architecture } from './build-release-node.ts';

const LIBRARY = 'libatomic.so.1';
const FUNCTION = '__atomic_compare_exchange';

/**
 * `bool __atomic_compare_exchange(size_t size, void *at, void *expected, void *desired, int, int)` for the one size that V8 calls it with, 8 bytes
 * that are aligned (a freelist's head: clang makes a call of it because its members are of 4 bytes); another size ends the program.
 */
const CODE: Readonly<Record<Architecture, Buffer>> = {
  amd64: Buffer.from(
    [
      '4883ff08', // cmp rdi, 8
      '7514', // jne bad
      '488b02', // mov rax, [rdx]
      '4c8b01', // mov r8, [rcx]
      'f04c0fb106', // lock cmpxchg [rsi], r8
      '7403', // je done
      '488902', // mov [rdx], rax
      '0f94c0', // done: sete al
      'c3', // ret
      '0f0b', // bad: ud2
    ].join(''),
    'hex',
  ),
  arm64: words(
    0xd503245f, // bti c
    0xf100201f, // cmp x0, #8
    0x540001c1, // b.ne bad
    0xf9400044, // ldr x4, [x2]
    0xf9400065, // ldr x5, [x3]
    0xc85ffc26, // again: ldaxr x6, [x1]
    0xeb0400df, // cmp x6, x4
    0x540000a1, // b.ne other
    0xc807fc25, // stlxr w7, x5, [x1]
    0x35ffff87, // cbnz w7, again
    0x52800020, // mov w0, #1
    0xd65f03c0, // ret
    0xd5033f5f, // other: clrex
    0xf9000046, // str x6, [x2]
    0x52800000, // mov w0, #0
    0xd65f03c0, // ret
    0xd4200000, // bad: brk #0
  ),
};

function words(...instructions: readonly number[]): Buffer {
  const code = Buffer.alloc(instructions.length * 4);
  for (const [index, instruction] of instructions.entries()) code.writeUInt32LE(instruction, index * 4);
  return code;
}

interface Segment {
  /** Where its entry in the table of program headers is. */
  readonly at: number;
  readonly type: number;
  readonly isExecutable: boolean;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

const number = (elf: Buffer, at: number) => Number(elf.readBigUInt64LE(at));

/** Program headers of a 64-bit little-endian ELF file. */
export function segmentsOf(elf: Buffer): readonly Segment[] {
  if (elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1) throw new Error('not a little-endian 64-bit ELF file');
  const table = number(elf, 32);
  const length = elf.readUInt16LE(54);
  return Array.from({ length: elf.readUInt16LE(56) }, (_, index) => {
    const at = table + index * length;
    return {
      at,
      type: elf.readUInt32LE(at),
      isExecutable: (elf.readUInt32LE(at + 4) & 1) === 1,
      offset: number(elf, at + 8),
      address: number(elf, at + 16),
      size: number(elf, at + 32),
    };
  });
}

const [LOAD, DYNAMIC] = [1, 2];
const TAG = {
  NULL: 0,
  NEEDED: 1,
  STRTAB: 5,
  SYMTAB: 6,
  GNU_HASH: 0x6ffffef5,
  VERSYM: 0x6ffffff0,
  VERNEED: 0x6ffffffe,
  VERNEEDNUM: 0x6fffffff,
};

interface DynamicEntry {
  readonly at: number;
  readonly tag: number;
  readonly value: number;
}

/** The dynamic section's entries, and ways into what they point at. */
function dynamicOf(elf: Buffer, segments: readonly Segment[]) {
  const section = segments.find(({ type }) => type === DYNAMIC);
  if (!section) throw new Error('the file is not linked dynamically');
  const entries: DynamicEntry[] = [];
  for (let at = section.offset; number(elf, at) !== TAG.NULL; at += 16)
    entries.push({ at, tag: number(elf, at), value: number(elf, at + 8) });
  const entry = (tag: number): DynamicEntry => {
    const found = entries.find((candidate) => candidate.tag === tag);
    if (!found) throw new Error(`the file has no dynamic entry ${tag}`);
    return found;
  };
  const offset = (address: number): number => {
    const segment = segments.find((one) => one.type === LOAD && one.address <= address && address < one.address + one.size);
    if (!segment) throw new Error(`nothing is loaded at ${address}`);
    return address - segment.address + segment.offset;
  };
  const table = (tag: number) => offset(entry(tag).value);
  const text = (index: number) => {
    const start = table(TAG.STRTAB) + index;
    return elf.toString('latin1', start, elf.indexOf(0, start));
  };
  return { entries, entry, table, offset, text };
}

type Dynamic = ReturnType<typeof dynamicOf>;

/** Takes the library out of those that are loaded: later entries move up, and the last is ended twice. */
function forgetNeeded(elf: Buffer, { entries }: Dynamic, needed: DynamicEntry): void {
  const end = (entries.at(-1) ?? needed).at;
  elf.copyWithin(needed.at, needed.at + 16, end + 16);
  elf.fill(0, end, end + 16);
}

/** Takes the library's versions out of those that are asked for; returns their numbers. A chain: each of the records has the distance to the next one. */
function forgetVersions(elf: Buffer, { entry, table, text }: Dynamic): ReadonlySet<number> {
  const count = entry(TAG.VERNEEDNUM);
  let before: number | undefined;
  for (let at = table(TAG.VERNEED), left = count.value; left > 0; left--) {
    const next = elf.readUInt32LE(at + 12);
    if (text(elf.readUInt32LE(at + 4)) === LIBRARY) {
      const versions = new Set<number>();
      for (let auxiliary = at + elf.readUInt32LE(at + 8), more = elf.readUInt16LE(at + 2); more > 0; more--) {
        versions.add(elf.readUInt16LE(auxiliary + 6));
        auxiliary += elf.readUInt32LE(auxiliary + 12);
      }
      if (before !== undefined) elf.writeUInt32LE(next === 0 ? 0 : at + next - before, before + 12);
      else elf.writeBigUInt64LE(BigInt(entry(TAG.VERNEED).value + next), entry(TAG.VERNEED).at + 8);
      elf.writeBigUInt64LE(BigInt(count.value - 1), count.at + 8);
      return versions;
    }
    before = at;
    at += next;
  }
  throw new Error(`${LIBRARY} is needed, and no version of it`);
}

/** Puts code into the gap between the end of the program's code and the next page; returns its address. */
function addCode(elf: Buffer, segments: readonly Segment[], code: Buffer): number {
  const segment = segments.find(({ type, isExecutable }) => type === LOAD && isExecutable);
  if (!segment) throw new Error('the file has no code');
  const start = Math.ceil(segment.size / 16) * 16;
  const offset = segment.offset + start;
  const next = Math.min(...segments.filter((other) => other.type === LOAD && other.offset > segment.offset).map((other) => other.offset));
  const isFree =
    offset + code.length <= next && elf.subarray(segment.offset + segment.size, offset + code.length).every((byte) => byte === 0);
  if (!isFree) throw new Error(`there is no room for ${FUNCTION} behind the code`);
  code.copy(elf, offset);
  const size = BigInt(start + code.length);
  elf.writeBigUInt64LE(size, segment.at + 32); // p_filesz
  elf.writeBigUInt64LE(size, segment.at + 40); // p_memsz
  return segment.address + start;
}

/**
 * Changes a Node executable, in place, so that it runs without libatomic: the one function it takes from there becomes a symbol of its own,
 * which the loader resolves without looking further (it is local). An executable that does not need the library stays as it is. Throws
 * where a later Node takes anything else from it.
 */
export function withoutLibatomic(elf: Buffer, architecture: Architecture): void {
  const segments = segmentsOf(elf);
  const dynamic = dynamicOf(elf, segments);
  const needed = dynamic.entries.find(({ tag, value }) => tag === TAG.NEEDED && dynamic.text(value) === LIBRARY);
  if (!needed) return;
  if (elf.readUInt16LE(16) !== 2) throw new Error('the executable is not of a fixed address');
  const versions = forgetVersions(elf, dynamic);

  const [symbols, versionOf] = [dynamic.table(TAG.SYMTAB), dynamic.table(TAG.VERSYM)];
  // Symbols that are looked for elsewhere stand before the first hashed one.
  const end = elf.readUInt32LE(dynamic.table(TAG.GNU_HASH) + 4);
  const taken = Array.from({ length: end }, (_, index) => index).filter((index) => versions.has(elf.readUInt16LE(versionOf + index * 2)));
  const names = taken.map((index) => dynamic.text(elf.readUInt32LE(symbols + index * 24)));
  const [symbol] = taken;
  if (symbol === undefined || names.length !== 1 || names[0] !== FUNCTION) {
    throw new Error(`Node takes ${names.join(', ')} from ${LIBRARY}; only ${FUNCTION} is known here`);
  }
  const at = symbols + symbol * 24;
  elf[at + 4] = 0x02; // st_info: local, a function
  elf[at + 5] = 0x02; // st_other: hidden
  elf.writeUInt16LE(0xfff1, at + 6); // st_shndx: absolute
  elf.writeBigUInt64LE(BigInt(addCode(elf, segments, CODE[architecture])), at + 8);
  elf.writeUInt16LE(0, versionOf + symbol * 2); // no version
  forgetNeeded(elf, dynamic, needed);
}
