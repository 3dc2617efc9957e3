import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesIn, decodeMessage, encodeMessage, numberIn, stringsIn } from './wire.ts';

// protobuf.dev/programming-guides/encoding: the document's own examples.
test("the documentation's examples are read and written", () => {
  assert.deepEqual(encodeMessage([{ number: 1, value: 150n }]), Buffer.from('089601', 'hex'));
  assert.equal(numberIn(decodeMessage(Buffer.from('089601', 'hex')), 1), 150n);
  assert.deepEqual(encodeMessage([{ number: 2, value: Buffer.from('testing') }]), Buffer.from('120774657374696e67', 'hex'));
  assert.deepEqual(stringsIn(decodeMessage(Buffer.from('120774657374696e67', 'hex')), 2), ['testing']);
});

test('all 64 bits of a number come through, and absent fields are zero', () => {
  const id = 0x8e9e05c52164694dn;
  const fields = decodeMessage(encodeMessage([{ number: 9, value: id }]));
  assert.equal(numberIn(fields, 9), id);
  assert.equal(numberIn(fields, 1), 0n);
  assert.deepEqual(bytesIn(fields, 9), []);
});

test('fields of a fixed width are passed over, and a message that ends early is refused', () => {
  const fixed = Buffer.from('0d01020304', 'hex');
  assert.equal(numberIn(decodeMessage(Buffer.concat([fixed, Buffer.from('1001', 'hex')])), 2), 1n);
  for (const broken of ['08', '0896', '1207746573', '0d0102', '0b', 'ffffffffffffffffffffff01']) {
    assert.throws(() => decodeMessage(Buffer.from(broken, 'hex')), RangeError);
  }
});
