import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseSubnet, hostAddress, isFree } from './subnet.ts';

test('the first lab gets 10.77.0.0/24 and its hosts .11, .12 …', () => {
  assert.equal(chooseSubnet(['192.168.1.0/24', '127.0.0.0/8']), 0);
  assert.equal(hostAddress(0, 1), '10.77.0.11');
  assert.equal(hostAddress(3, 200), '10.77.3.210');
});

test('subnets that an address, a narrower or a wider network uses are passed over', () => {
  assert.equal(chooseSubnet(['10.77.0.1', '10.77.1.128/25', '10.77.2.0/23']), 4);
});

test("a VPN's route to all of 10.0.0.0/8 is no reason to refuse, one to all of 10.77.0.0/16 is", () => {
  assert.equal(chooseSubnet(['10.0.0.0/8']), 0);
  assert.equal(chooseSubnet(['10.77.0.0/16']), undefined);
  assert.equal(isFree(7, ['10.77.7.255']), false);
});
