// Which control planes a kernel balances over, read back from rules that the kernel's own programs print.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { nftRules } from '../../packages/lvscare/src/nft-rules.ts';
import { hostLayout } from '../../packages/runtime/src/layout.ts';
import { parseHostAnswers, statusQuestions } from '../../packages/runtime/src/status/host-answers.ts';
import { balancingCommands } from '../../packages/runtime/src/steps/api-address.ts';
import { ensureInstalled } from '../../scripts/debian.ts';

const VIP = '10.103.97.2';
const masters = (count: number) => Array.from({ length: count }, (_, index) => `10.0.0.${index + 1}`);

/** Asks as `sealos status` does, in a network of its own in which the command was run first. */
function membersAfter(command: string): readonly string[] | undefined {
  ensureInstalled(['nftables']);
  const { text } = statusQuestions(hostLayout('none'), 'api.example.invalid');
  const { status, stdout, stderr } = spawnSync('unshare', ['--net', 'bash', '-s'], {
    input: `set -e\n${command}\nset +e\n${text}`,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return parseHostAnswers(stdout, 'api.example.invalid').balancedTo;
}

for (const count of [1, 3, 7]) {
  test(`rules over ${count} control planes that the unit of a worker sets`, () => {
    assert.deepEqual([...(membersAfter(balancingCommands('nftables', VIP, 6443, masters(count)).up) ?? [])].sort(), masters(count));
  });

  test(`rules over ${count} control planes that the guard sets, on their own port or another`, () => {
    for (const port of [6443, 16443]) {
      const servers = masters(count).map((ip) => ({ ip, port }));
      const rules = nftRules({ ip: VIP, port: 6443 }, { targets: servers, living: servers });
      assert.deepEqual([...(membersAfter(`nft -f - <<'RULES'\n${rules}\nRULES`) ?? [])].sort(), masters(count));
    }
  });
}

test('a host without such rules balances over nothing, which is not the same as over none', () => {
  assert.equal(membersAfter('true'), undefined);
  assert.deepEqual(membersAfter('nft add table ip sealos_api'), []);
});
