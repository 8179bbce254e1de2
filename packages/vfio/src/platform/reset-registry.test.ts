/** The registry of reset functions: who is found, who may go, also while devices are bound on several threads. */
import { once } from 'node:events';
import { ResetRegistry } from '@mediated/vfio/platform';
import { DIE, newTrace } from '../../dist-fixtures/platform/nic-model.fixture.js';
import { Board, nic, OTHER_RESETS, RESETS } from '../../dist-fixtures/platform/stage.fixture.js';
import { expect, test } from 'vitest';

test('a function is found by its exact compatible string, in the module that came last', async () => {
  const registry = ResetRegistry.create();
  expect(await registry.acquire('acme,nic')).toBeUndefined();
  await registry.register(RESETS);
  await registry.register(OTHER_RESETS);
  await expect(registry.register(RESETS)).rejects.toMatchObject({ code: 'EEXIST' });
  for (const strange of ['acme,ni', 'acme', '', 'acme,nic2']) expect(await registry.acquire(strange)).toBeUndefined();
  const [found, other] = [await registry.acquire('acme,nic'), await registry.acquire('acme,memory')];
  expect([found?.url, other?.url]).toEqual([OTHER_RESETS, RESETS]);
  found?.release();
  await registry.unregister(OTHER_RESETS);
  expect((await registry.acquire('acme,nic'))?.url).toBe(RESETS);
  expect(await registry.list()).toEqual([{ url: RESETS, references: 2 }]);
  registry.close();
});

test('a module that is in use stays; one that is not registered cannot go', async () => {
  const registry = ResetRegistry.create();
  await expect(registry.unregister(RESETS)).rejects.toMatchObject({ code: 'ENOENT' });
  await registry.register(RESETS);
  const held = await ResetRegistry.from(registry.handle).acquire('acme,nic');
  await expect(registry.unregister(RESETS)).rejects.toMatchObject({ code: 'EBUSY' });
  held?.release();
  await registry.unregister(RESETS);
  expect(await registry.list()).toEqual([]);
  registry.close();
});

test.each([
  ['no reset functions', 'export default {}'],
  ['no reset functions', 'export default { resets: { a: 1 } }'],
  ['does not load', 'oops('],
  ['at most 1024', `export default { resets: { a() {} } }/*${'x'.repeat(1024)}*/`],
])('what is no reset module is refused: %s', async (reason, text) => {
  const registry = ResetRegistry.create();
  const error = await registry.register(`data:text/javascript,${text}`).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'EINVAL', message: expect.stringContaining(reason) });
  registry.close();
});

test('32 modules fit', async () => {
  const registry = ResetRegistry.create();
  const url = (number: number) => `data:text/javascript,export default { resets: { a${number}() {} } }`;
  for (let number = 0; number < 32; number++) await registry.register(url(number));
  await expect(registry.register(url(32))).rejects.toMatchObject({ code: 'ENOMEM' });
  await registry.unregister(url(7));
  await registry.register(url(32));
  expect((await registry.list())[0]).toEqual({ url: url(32), references: 0 });
  registry.close();
});

test('a bound device has its module until it is unbound; a module is loaded when it is first asked for', async () => {
  const registry = ResetRegistry.create();
  const devices = [nic('eth0', 1, { trace: newTrace() })];
  await using board = await Board.set({ devices, resets: registry.handle });
  await board.bind('eth0');
  expect(await registry.list()).toEqual([{ url: RESETS, references: 1 }]);
  await expect(registry.unregister(RESETS)).rejects.toMatchObject({ code: 'EBUSY' });
  await board.unbind('eth0');
  expect(await registry.list()).toEqual([{ url: RESETS, references: 0 }]);
  await registry.unregister(RESETS);
  registry.close();
});

test('the reference of a thread that dies comes back', async () => {
  const registry = ResetRegistry.create();
  const devices = [nic('eth0', 1, { trace: newTrace() })];
  await using board = await Board.set({ devices, resets: registry.handle });
  const file = await board.use('eth0');
  await expect(registry.unregister(RESETS)).rejects.toMatchObject({ code: 'EBUSY' });
  const restarted = once(board.runtime.system.events, 'threadRestart');
  await expect(file.write(DIE, Uint8Array.of(1))).rejects.toMatchObject({ code: 'EIO' });
  await restarted;
  await registry.unregister(RESETS);
  registry.close();
});

test('platform-fsl 12: whoever registers and unregisters while devices come and go, nobody has a function that is gone', async () => {
  const registry = ResetRegistry.create();
  const devices = [0, 1, 2, 3].map((group) => nic(`eth${group}`, group, { trace: newTrace() }));
  await using board = await Board.set({ devices, resets: registry.handle, resetModules: {} }, 2);
  let turning = true;
  let refused = 0;
  const turn = async () => {
    while (turning) {
      await registry.register(RESETS);
      for (;;) {
        const gone = await registry.unregister(RESETS).then(
          () => true,
          (error: { code: string }) => {
            expect(error.code).toBe('EBUSY');
            return false;
          },
        );
        if (gone) break;
        refused++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  let bound = 0;
  const use = async (name: string, thread: number) => {
    while (bound < 40) {
      const mdev = await board.bind(name, thread).catch((error: { code: string }) => {
        expect(error.code).toBe('ENOENT');
        return undefined;
      });
      if (mdev === undefined) continue;
      bound++;
      // It is there, and works: an open resets.
      const file = await board.open(mdev);
      expect((await registry.list()).find(({ url }) => url === RESETS)?.references).toBeGreaterThan(0);
      await file.close();
      await board.unbind(name);
    }
  };
  const turned = turn();
  await Promise.all(devices.map(({ name }, place) => use(name, place % 2)));
  turning = false;
  await turned;
  expect(refused).toBeGreaterThan(0);
  expect(await registry.list()).toEqual([]);
  registry.close();
});
