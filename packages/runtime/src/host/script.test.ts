import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resetPartialKubeadm } from '../steps/kubeadm-reset.ts';
import { script } from './script.ts';

test('text with an escape that is none makes no script, instead of one that says undefined', () => {
  assert.throws(() => script`sed 's/\(a\)/\1/'`, /a script has an escape that is none: sed/);
  assert.equal(script`sed 's/\\(a\\)/\\1/'`.text, "sed 's/\\(a\\)/\\1/'");
});

test('what an interrupted kubeadm left is taken back by kubeadm itself', () => {
  assert.match(resetPartialKubeadm().text, /^ {2}kubeadm reset --force --skip-phases="\$skip" \$\{socket:\+--cri-socket "\$socket"\}/m);
});
