// A short report for pipes: one line a file, every failure whole, and node's own closing counts. Where the environment variable TEST_FAILURES
// names a file, failures are added to it too: who runs several stages tells them once more at the end.
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

interface FileCount {
  passed: number;
  failed: number;
  milliseconds: number;
}

export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const files = new Map<string, FileCount>();
  const diagnostics: string[] = [];
  const { TEST_FAILURES: failures } = process.env;
  for await (const event of source) {
    if (event.type === 'test:pass' || event.type === 'test:fail') {
      const { data } = event;
      const file = data.file ? relative(process.cwd(), data.file) : data.name;
      const count = files.get(file) ?? { passed: 0, failed: 0, milliseconds: 0 };
      files.set(file, count);
      if (data.nesting === 0) count.milliseconds += data.details.duration_ms;
      if (event.type === 'test:pass') count.passed += 1;
      else {
        count.failed += 1;
        const { error } = event.data.details;
        const cause = error.cause instanceof Error ? (error.cause.stack ?? error.cause.message) : String(error.cause ?? error.message);
        const failure = `FAIL ${file}: ${data.name} (${Math.round(data.details.duration_ms)} ms)\n${cause.replace(/^/gm, '     ')}\n`;
        if (failures !== undefined) appendFileSync(failures, failure);
        yield failure;
      }
    }
    if (event.type === 'test:summary' && event.data.file) {
      const file = relative(process.cwd(), event.data.file);
      const count = files.get(file);
      if (count)
        yield `${count.failed ? 'FAIL' : 'ok  '} ${file}: ${count.passed} passed${count.failed ? `, ${count.failed} failed` : ''}, ${(count.milliseconds / 1000).toFixed(1)} s\n`;
    }
    if (event.type === 'test:diagnostic' && event.data.nesting === 0) diagnostics.push(event.data.message);
  }
  yield `${diagnostics.map((line) => `ℹ ${line}`).join('\n')}\n`;
}
