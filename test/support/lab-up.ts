// Takes a lab up in a process of its own, which a test can kill: lab-up.ts DIRECTORY NAME COUNT. Prints each event as a line of JSON.
import { openLab } from '../../packages/lab/src/index.ts';

const [directory = '', name = '', count = ''] = process.argv.slice(2);
await openLab({ directory, name }).up({ count: Number(count), onEvent: (event) => console.log(JSON.stringify(event)) });
