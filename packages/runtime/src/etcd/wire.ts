// Protocol Buffers' wire format (protobuf.dev/programming-guides/encoding), as much of it as etcd's handful of messages needs: varints and
// length-delimited fields. A library would bring a schema compiler and thirty thousand lines for what fits on a page.

/** One field as it stands in a message: a number for a varint, bytes for a string, bytes or an inner message. */
export interface Field {
  readonly number: number;
  readonly value: bigint | Uint8Array;
}

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const more = rest > 0x7fn;
    bytes.push(Number(rest & 0x7fn) | (more ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** A message of the given fields, in their order. Fields that hold proto3's default (0, empty) are the caller's to leave out. */
export function encodeMessage(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ number, value }) =>
      typeof value === 'bigint'
        ? [varint(BigInt((number << 3) | VARINT)), varint(value)]
        : [varint(BigInt((number << 3) | LENGTH_DELIMITED)), varint(BigInt(value.length)), value],
    ),
  );
}

/** The fields of a message. Fixed-width fields, which none of ours are, are passed over. Throws RangeError where it is no message. */
export function decodeMessage(bytes: Uint8Array): readonly Field[] {
  let at = 0;
  const next = (): number => {
    const byte = bytes[at];
    if (byte === undefined) throw new RangeError('a protobuf message ends in the middle of a field');
    at += 1;
    return byte;
  };
  const readVarint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = next();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a protobuf number is longer than ten bytes');
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError('a protobuf message ends in the middle of a field');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const fields: Field[] = [];
  while (at < bytes.length) {
    const tag = Number(readVarint());
    const number = tag >>> 3;
    switch (tag & 7) {
      case VARINT:
        fields.push({ number, value: readVarint() });
        break;
      case LENGTH_DELIMITED:
        fields.push({ number, value: take(Number(readVarint())) });
        break;
      case FIXED_64:
        take(8);
        break;
      case FIXED_32:
        take(4);
        break;
      default:
        throw new RangeError(`a protobuf field of the unknown kind ${tag & 7}`);
    }
  }
  return fields;
}

/** The last number in a field, 0 where it is absent (proto3's default). */
export function numberIn(fields: readonly Field[], number: number): bigint {
  const value = fields.findLast((field) => field.number === number)?.value;
  return typeof value === 'bigint' ? value : 0n;
}

/** All byte strings in a field. */
export function bytesIn(fields: readonly Field[], number: number): readonly Uint8Array[] {
  return fields.flatMap((field) => (field.number === number && typeof field.value !== 'bigint' ? [field.value] : []));
}

export function stringsIn(fields: readonly Field[], number: number): readonly string[] {
  return bytesIn(fields, number).map((bytes) => Buffer.from(bytes).toString());
}
