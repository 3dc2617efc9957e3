// The chaos test in small, for the tests of every day: a short life with the operator killed once in each chapter.
import assert from 'node:assert/strict';
import type { Moment } from './moment.ts';
import { openStage, type StageOptions } from './stage.ts';
import { shortLife } from './story.ts';
import { disturb, type Say, tell } from './telling.ts';

/** Events of the chapters at which the operator is killed, where half a piece of work is worst. */
const WORST: Readonly<Record<string, string>> = {
  create: 'step-started kubeadm-init h1',
  add: 'step-started join-masters h2',
  delete: 'step-done leave-etcd h1 h2',
  reset: 'step-started init h1',
};
const DELAY = 300;

/**
 * Tells a short life undisturbed and killed at four moments, on the first two hosts of a lab, about five minutes. Throws when a call fails, hangs,
 * leaves a process or a file behind, or ends at another cluster than the undisturbed one; at the end the hosts are as they were.
 */
export async function fourMoments(options: StageOptions, say: Say): Promise<void> {
  const stage = await openStage({ ...options, hosts: options.hosts.slice(0, 2) });
  for (const told of await tell(stage, shortLife(stage.hosts), say)) {
    const worst = WORST[told.chapter.name] ?? '';
    const place = told.events.indexOf(worst);
    assert.ok(place >= 0, `${told.chapter.name} goes through '${worst}'`);
    const moment: Moment = { place, delay: DELAY, patient: false };
    const { kills, faults } = await disturb(stage, told, [moment], say);
    assert.deepEqual(faults, [], `${told.chapter.name}, killed at '${worst}' + ${DELAY} ms`);
    assert.equal(kills[0]?.event, worst);
  }
}
