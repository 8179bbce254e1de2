/** Two threads that add without an atomic addition: the search finds the schedule in which one is lost. Run by packed.e2e.test.ts. */
import { search } from '@mediated/explorer';

const { failure } = await search('an addition that is lost', (world) => {
  const words = world.share('words', () => new Int32Array(new SharedArrayBuffer(4)));
  for (const name of ['one', 'two']) {
    world.start(name, () => {
      const seen = Atomics.load(words, 0);
      Atomics.store(words, 0, seen + 1);
    });
  }
  world.afterwards(() => {
    if (words[0] !== 2) throw new Error(`${words[0]} of 2 additions`);
  });
});
console.log(failure?.kind, failure?.message.includes('1 of 2 additions'));
