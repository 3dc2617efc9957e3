import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SealosError } from '@sealos/image';
import type { RunEvent } from './event.ts';
import { executePlan, undoPlan } from './execute.ts';
import type { Address, Host } from './host/host.ts';
import type { Step } from './step.ts';

const one = { ip: '10.0.0.1', port: 22 };
const two = { ip: '10.0.0.2', port: 22 };
const never = new AbortController().signal;

/** The executor only hands hosts on to steps: here they do nothing but say where they are. */
const hostOf = (address: Address) => ({ address, name: address.ip }) as Host;

interface Recorded {
  readonly step: (id: string, needs?: readonly string[], change?: Partial<Step>) => Step;
  readonly log: string[];
}

function recorder(): Recorded {
  const log: string[] = [];
  return {
    log,
    step: (id, needs = [], change = {}) => ({
      id,
      title: `title of ${id}`,
      hosts: [one, two],
      needs,
      check: async () => ({ what: `do ${id}` }),
      apply: async (host) => {
        log.push(`${id} ${host.address.ip}`);
      },
      undo: async (host) => {
        log.push(`undo ${id} ${host.address.ip}`);
      },
      ...change,
    }),
  };
}

test('a step begins when the steps that it needs are done on all of their hosts', async () => {
  const { step, log } = recorder();
  const result = await executePlan({ steps: [step('a'), step('b', ['a']), step('c', ['a', 'b'])] }, hostOf, {
    onEvent: () => {},
    signal: never,
  });
  assert.deepEqual(log, ['a 10.0.0.1', 'a 10.0.0.2', 'b 10.0.0.1', 'b 10.0.0.2', 'c 10.0.0.1', 'c 10.0.0.2']);
  assert.deepEqual(result, { changed: 6, skipped: 0 });
});

test('where the check finds the work done nothing is applied, and a dry run applies nothing at all', async () => {
  const { step, log } = recorder();
  const done = step('a', [], { check: async (host) => (host.address.ip === one.ip ? 'done' : { what: 'do it', bytes: 7 }) });
  const events: RunEvent[] = [];
  const options = { onEvent: (event: RunEvent) => events.push(event), signal: never };
  assert.deepEqual(await executePlan({ steps: [done] }, hostOf, { ...options, dryRun: true }), { changed: 1, skipped: 1 });
  assert.deepEqual(log, []);
  assert.ok(events.some((event) => event.kind === 'step-todo' && event.what === 'do it' && event.bytes === 7));
  assert.deepEqual(await executePlan({ steps: [done] }, hostOf, options), { changed: 1, skipped: 1 });
  assert.deepEqual(log, ['a 10.0.0.2']);
});

test('a failure names every host that failed, and no further step begins', async () => {
  const { step, log } = recorder();
  const failing = step('a', [], {
    apply: async (host) => {
      throw new SealosError('x', `${host.name}: broke`, { hint: 'mend it' });
    },
  });
  await assert.rejects(
    executePlan({ steps: [failing, step('b', ['a'])] }, hostOf, { onEvent: () => {}, signal: never }),
    (error: SealosError) => {
      assert.equal(error.message, 'title of a: 10.0.0.1: broke\ntitle of a: 10.0.0.2: broke');
      assert.equal(error.hint, 'mend it');
      return true;
    },
  );
  assert.deepEqual(log, []);
});

test('a serial step works on one host at a time and stops at the first that fails', async () => {
  const { step, log } = recorder();
  const failing = step('a', [], {
    serial: true,
    apply: async (host) => {
      log.push(host.address.ip);
      throw new SealosError('x', 'broke');
    },
  });
  await assert.rejects(executePlan({ steps: [failing] }, hostOf, { onEvent: () => {}, signal: never }));
  assert.deepEqual(log, ['10.0.0.1']);
});

test('undoing goes backwards, over failures, and then tells all of them', async () => {
  const { step, log } = recorder();
  const failing = step('b', ['a'], {
    undo: async (host) => {
      throw new SealosError('x', `${host.name}: stuck`);
    },
  });
  await assert.rejects(
    undoPlan({ steps: [step('a'), failing, step('c', ['b'])] }, hostOf, { onEvent: () => {}, signal: never }),
    /10\.0\.0\.1: stuck\n.*10\.0\.0\.2: stuck/,
  );
  assert.deepEqual(log, ['undo c 10.0.0.1', 'undo c 10.0.0.2', 'undo a 10.0.0.1', 'undo a 10.0.0.2']);
});

test('an abort is passed on as it is', async () => {
  const { step } = recorder();
  const stop = new AbortController();
  const stopping = step('a', [], {
    apply: async () => {
      stop.abort(new Error('enough'));
      throw new Error('cut off');
    },
  });
  await assert.rejects(executePlan({ steps: [stopping, step('b', ['a'])] }, hostOf, { onEvent: () => {}, signal: stop.signal }), /enough/);
});

const many = Array.from({ length: 20 }, (_, index) => ({ ip: `10.0.1.${index}`, port: 22 }));

/** Counts how many are inside at the same time; each stays for some turns of the event loop. */
function meter() {
  let inside = 0;
  let most = 0;
  return {
    get most() {
      return most;
    },
    async pass() {
      inside += 1;
      most = Math.max(most, inside);
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    },
  };
}

test('hosts are worked on side by side up to the limit, and sent bytes to up to a lower one', async () => {
  const { step } = recorder();
  const [light, heavy] = [meter(), meter()];
  const plan = {
    steps: [
      step('light', [], { hosts: many, apply: () => light.pass() }),
      step('heavy', [], { hosts: many, check: async () => ({ what: 'send', bytes: 1 }), apply: () => heavy.pass() }),
    ],
  };
  await executePlan(plan, hostOf, { onEvent: () => {}, signal: never, hosts: 8, uploads: 3 });
  assert.deepEqual([light.most, heavy.most], [8, 3]);
});

test('after a failure the hosts at work finish, and those that wait are not begun', async () => {
  const { step } = recorder();
  const begun: string[] = [];
  const finished: string[] = [];
  const failing = step('a', [], {
    hosts: many,
    apply: async (host) => {
      begun.push(host.name);
      if (host.name === '10.0.1.0') throw new SealosError('x', 'broke');
      await meter().pass();
      finished.push(host.name);
    },
  });
  const options = { onEvent: () => {}, signal: never, hosts: 4 };
  await assert.rejects(executePlan({ steps: [failing] }, hostOf, options), { message: 'title of a: 10.0.1.0: broke' });
  assert.deepEqual(begun, ['10.0.1.0', '10.0.1.1', '10.0.1.2', '10.0.1.3']);
  assert.deepEqual(finished, ['10.0.1.1', '10.0.1.2', '10.0.1.3']);
});

test('one that waits for its turn to be sent bytes is released by an abort', async () => {
  const { step } = recorder();
  const stop = new AbortController();
  const sending = step('a', [], {
    check: async () => ({ what: 'send', bytes: 1 }),
    apply: (_host, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  });
  const running = executePlan({ steps: [sending] }, hostOf, { onEvent: () => {}, signal: stop.signal, uploads: 1 });
  await meter().pass();
  stop.abort(new Error('enough'));
  await assert.rejects(running, /enough/);
});

test('a fault of ours is passed on as it is, to be reported as one', async () => {
  const { step } = recorder();
  const wrong = step('a', [], {
    apply: async () => {
      throw new TypeError('undefined is not a function');
    },
  });
  await assert.rejects(executePlan({ steps: [wrong] }, hostOf, { onEvent: () => {}, signal: never }), TypeError);
});

test('hosts are named by address, with a port that is not 22', async () => {
  const { step } = recorder();
  const names = new Set<string>();
  const hosts = [one, { ip: '10.0.0.1', port: 2222 }, { ip: 'fd00::1', port: 22 }, { ip: 'fd00::1', port: 2222 }];
  await executePlan({ steps: [step('a', [], { hosts })] }, hostOf, {
    onEvent: (event) => 'host' in event && event.host && names.add(event.host),
    signal: never,
  });
  assert.deepEqual([...names].sort(), ['10.0.0.1', '10.0.0.1:2222', '[fd00::1]:2222', 'fd00::1']);
});
