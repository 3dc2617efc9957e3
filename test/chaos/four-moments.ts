// The chaos test in small, for the tests of every day: a short life with the operator killed once in each chapter.
import assert from 'node:assert/strict';
import type { Moment } from './moment.ts';
import { openStage, type StageOptions } from './stage.ts';
import { shortLife } from './story.ts';
import { disturb, type Say, tell } from './telling.ts';

/** Where the operator is killed in each chapter: so far into the events that begin like this, in the midst of what is worst to be left half done. */
const WORST: Readonly<Record<string, readonly [event: string, share: number]>> = {
  create: ['output kubeadm-init h1', 0.5],
  // etcd has just been told of the new member.
  add: ['output join-masters h2', 0.8],
  delete: ['step-started undo ', 0.5],
  reset: ['step-started ', 0.5],
};
const DELAY = 300;

/**
 * Tells a short life undisturbed and killed at four moments, on the first two hosts of a lab, about five minutes. Throws when a call fails, hangs,
 * leaves a process or a file behind, or ends at another cluster than the undisturbed one; at the end the hosts are as they were.
 */
export async function fourMoments(options: StageOptions, say: Say): Promise<void> {
  const stage = await openStage({ ...options, hosts: options.hosts.slice(0, 2) });
  for (const told of await tell(stage, shortLife(stage.hosts), say)) {
    const { chapter, events } = told;
    const [beginning = '', share = 0] = WORST[chapter.name] ?? [];
    const candidates = events.filter((event) => event.startsWith(beginning));
    const worst = candidates[Math.floor(candidates.length * share)];
    assert.ok(worst, `${chapter.name} goes through '${beginning}'`);
    const moment: Moment = { place: events.indexOf(worst), delay: DELAY, patient: false };
    const { kills, faults } = await disturb(stage, told, [moment], say);
    assert.deepEqual(faults, [], `${chapter.name}, killed at '${worst}' + ${DELAY} ms`);
    assert.ok(kills[0]?.event, `${chapter.name} was killed`);
  }
}
