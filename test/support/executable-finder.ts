// A program that says which executables of sealos it finds: executable-finder.ts ARCHITECTURE…
import { findExecutables } from '../../packages/runtime/src/run/own-executable.ts';

void findExecutables(process.argv.slice(2)).then((found) => console.log(JSON.stringify(Object.fromEntries(found))));
