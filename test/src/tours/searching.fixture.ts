/** A wake-up that can be lost, and the search that finds it: shown in docs/explorer.md. Run by tours.e2e.test.ts. */
import { search, type World } from '@mediated/explorer';

/** box[0]: 1 when there is a letter; box[1]: 1 when the receiver sleeps. */
function letterBox(world: World): void {
  const box = world.share('box', () => new Int32Array(new SharedArrayBuffer(8)));
  world.start('sender', () => {
    Atomics.store(box, 0, 1);
    if (Atomics.load(box, 1) === 1) {
      Atomics.store(box, 1, 0);
      Atomics.notify(box, 1);
    }
  });
  world.start('receiver', () => {
    while (Atomics.load(box, 0) === 0) {
      Atomics.store(box, 1, 1);
      Atomics.wait(box, 1, 1);
    }
  });
}

const { failure } = await search('letter box', letterBox);
console.log(failure?.report);
