import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockContains, formatAddress, nthOfBlock, parseAddress, parseHostList } from './address-list.ts';

const list = (text: string) => parseHostList(text, 22).map(formatAddress);

for (const [text, addresses] of [
  ['', []],
  ['10.0.0.1', ['10.0.0.1:22']],
  ['10.0.0.1, 10.0.0.2:2222', ['10.0.0.1:22', '10.0.0.2:2222']],
  ['10.0.0.254-10.0.1.1', ['10.0.0.254:22', '10.0.0.255:22', '10.0.1.0:22', '10.0.1.1:22']],
  ['10.0.0.5/30', ['10.0.0.4:22', '10.0.0.5:22', '10.0.0.6:22', '10.0.0.7:22']],
  ['10.0.0.1-10.0.0.2:23', ['10.0.0.1:23', '10.0.0.2:23']],
  ['FD00:0::1', ['[fd00::1]:22']],
  ['[fd00::1]:2222', ['[fd00::1]:2222']],
  ['[fd00::/126]:23', ['[fd00::]:23', '[fd00::1]:23', '[fd00::2]:23', '[fd00::3]:23']],
  ['fd00::9-fd00::a', ['[fd00::9]:22', '[fd00::a]:22']],
  ['::ffff:10.0.0.1', ['[::ffff:a00:1]:22']],
] as const) {
  test(`the list '${text}' is ${addresses.join(' ') || 'empty'}`, () => assert.deepEqual(list(text), addresses));
}

for (const [text, message] of [
  ['host1', "'host1' is not an IP address"],
  ['10.0.0.256', "'10.0.0.256' is not an IP address"],
  ['10.0.0.1,,10.0.0.2', "'10.0.0.1,,10.0.0.2' has an empty item"],
  ['10.0.0.1:0', "'10.0.0.1:0': '0' is not a port (1 to 65535)"],
  ['10.0.0.1:', "'10.0.0.1:': '' is not a port (1 to 65535)"],
  ['10.0.0.1:65536', "'10.0.0.1:65536': '65536' is not a port (1 to 65535)"],
  ['10.0.0.2-10.0.0.1', "'10.0.0.2-10.0.0.1' ends before it begins"],
  ['10.0.0.1-fd00::1', "'10.0.0.1-fd00::1' mixes IPv4 and IPv6"],
  ['10.0.0.1-2-3', "'10.0.0.1-2-3' is not a range FIRST-LAST of IP addresses"],
  ['10.0.0.1/33', "'10.0.0.1/33' is not a block of IP addresses"],
  ['10.0.0.0/8', "'10.0.0.0/8' is 16777216 hosts, more than 4096"],
  ['fe80::1%eth0', "'fe80::1%eth0' is not an IP address"],
  ['10.0.0.1,10.0.0.1:23', "10.0.0.1 is named twice in '10.0.0.1,10.0.0.1:23'"],
  ['FD00::1,fd00:0::1', "fd00::1 is named twice in 'FD00::1,fd00:0::1'"],
] as const) {
  test(`the list '${text}' is refused: ${message}`, () => assert.throws(() => list(text), { message, exitCode: 2 }));
}

test('a long list is refused before it is made', () => {
  assert.throws(() => list('10.0.0.0/20,10.1.0.1'), { message: "'10.1.0.1' makes more than 4096 hosts" });
});

test('one address is one address', () => {
  assert.deepEqual(parseAddress('10.0.0.1', 2222), { ip: '10.0.0.1', port: 2222 });
  assert.throws(() => parseAddress('10.0.0.1-10.0.0.2', 22), { exitCode: 2 });
});

test('blocks know what they contain and their nth address', () => {
  assert.ok(blockContains('10.96.0.0/22', '10.96.3.255'));
  assert.ok(!blockContains('10.96.0.0/22', '10.96.4.0'));
  assert.ok(!blockContains('10.96.0.0/22', 'fd00::1'));
  assert.ok(blockContains('fd00::/112', 'fd00::ffff'));
  assert.equal(nthOfBlock('10.96.0.0/22', 1), '10.96.0.1');
  assert.equal(nthOfBlock('fd00::/112', 10), 'fd00::a');
  assert.throws(() => nthOfBlock('10.0.0.1/32', 1), { exitCode: 2 });
});
