/**
 * A program that serves two devices and is told when it is to have no descriptor left. Prints the paths of the sockets, a line
 * each; on the line `fill` opens files until it may not, on `free` closes them and says so; at the end of its input it ends.
 */
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { serveDevice } from '@mediated/vfio-user';
import { freshPath, Stage } from '../stage.fixture.js';

const files: number[] = [];

/** Opens files until it may not: what fails with. */
function fill(): unknown {
  for (;;) {
    try {
      files.push(openSync('/dev/null', 'r'));
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  }
}

const stage = await Stage.set();
const mdev = await stage.runtime.bus.parent('p').create('card-one');
const other = await serveDevice(stage.runtime, mdev, { path: freshPath() });
console.log(stage.served.path);
console.log(other.path);
for await (const line of createInterface(process.stdin)) {
  if (line === 'fill') console.log(fill());
  else if (line === 'free') for (const file of files.splice(0)) closeSync(file);
}
await other.close();
await stage.close();
