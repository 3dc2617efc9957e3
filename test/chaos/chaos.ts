// `npm run test:chaos [SEED] [MOMENTS]`: the life of a cluster with the operator killed at seeded moments, compared with an undisturbed one.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openLab } from '@sealos/lab';
import { buildClusterImages, buildNextKubernetes } from '../../scripts/cluster-images.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { chooseMoments, seededNumbers, shareMoments } from './moment.ts';
import { killCount, withResult } from './report.ts';
import { openStage } from './stage.ts';
import { wholeLife } from './story.ts';
import { disturb, type Survived, startAnew, tell } from './telling.ts';

const page = join(dirname(dirname(import.meta.dirname)), 'docs', 'chaos.md');
const begun = new Date();

function say(line: string): void {
  const seconds = Math.round((Date.now() - begun.getTime()) / 1000);
  console.log(`[${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, '0')}] ${line}`);
}

/** Tells the story twice; true when the second was as the first. */
async function chaos(seed: string, moments: number): Promise<boolean> {
  const lab = openLab({ name: 'chaos' });
  const work = mkdtempSync(join(tmpdir(), 'sealos-chaos-'));
  const storage = join(work, 'store');
  const interrupt = new AbortController();
  const { signal } = interrupt;
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupt.abort(new Error(`got ${name}`)));
  const telling = async () => {
    say('building the images');
    mkdirSync(storage);
    const build = { storage, signal, onLine: () => {} };
    await buildClusterImages(build);
    await buildNextKubernetes(build);
    say('starting five servers');
    const hosts = await lab.up({ count: 5, signal });
    const stage = await openStage({ lab, hosts, storage, work });
    const told = await tell(stage, wholeLife(hosts), say);
    const shares = shareMoments(
      moments,
      told.map(({ chapter }) => chapter.weight),
    );
    const survived: Survived[] = [];
    for (const [index, one] of told.entries()) {
      signal.throwIfAborted();
      const numbers = seededNumbers(seed, one.chapter.name);
      const mine = await disturb(stage, one, chooseMoments(numbers, one.events.length, shares[index] ?? 0), say);
      survived.push(mine);
      if (mine.ended) continue;
      for (const fault of mine.faults) say(`  ${fault}`);
      const story = told.slice(0, index + 1).map(({ chapter }) => chapter);
      if (index + 1 < told.length) await startAnew(stage, story, say);
    }
    const minutes = Math.round((Date.now() - begun.getTime()) / 60_000);
    writeFileSync(page, withResult(readFileSync(page, 'utf8'), { seed, begun, minutes, told, survived }));
    const well = survived.length === told.length && survived.every(({ faults }) => faults.length === 0);
    say(`${killCount(survived)} kills, seed ${seed}: ${well ? 'the same cluster each time' : 'FAULTS'}; ${page}`);
    return well;
  };
  const stopped = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  try {
    return await Promise.race([telling(), stopped]);
  } finally {
    await lab.down();
    rmSync(work, { recursive: true, force: true });
  }
}

const [seed = String(begun.getTime() % 1_000_000), count = '24'] = process.argv.slice(2);
const moments = Number(count);
if (!Number.isInteger(moments) || moments < 1) {
  console.error(`'${count}' is not a number of moments: npm run test:chaos [SEED] [MOMENTS]`);
  process.exit(2);
}
ensureInstalled(['debootstrap', 'systemd-container', 'iproute2', 'nftables', 'openssh-client']);
console.log(`the life of a cluster with the operator killed at ${moments} moments, seed ${seed}: half an hour and more`);
try {
  process.exit((await chaos(seed, moments)) ? 0 : 1);
} catch (error) {
  say(`seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
  process.exit(1);
}
