import { Workqueue } from '@mediated/core/actor';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isMediatedError } from '#dist/errors.js';

const module = new URL('../../dist-fixtures/actor/work.fixture.js', import.meta.url).href;
const work = (name: string, ...args: unknown[]) => ({ module, export: name, args });

let queue: Workqueue;
beforeEach(() => {
  queue = new Workqueue();
});
afterEach(() => queue.close());

/** Work that runs until its thread ends; resolves once it does. */
async function spinning(signal?: AbortSignal): Promise<{ result: Promise<unknown> }> {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const result = queue.run(work('spin', words), signal === undefined ? {} : { signal });
  result.catch(() => {});
  const wait = Atomics.waitAsync(words, 0, 0);
  if (wait.async) await Promise.race([wait.value, result]);
  return { result };
}

test('runs exported functions and gives back what they return', async () => {
  expect(await Promise.all([1, 2, 3].map((n) => queue.run<number>(work('add', n, 10))))).toEqual([11, 12, 13]);
});

test('an error of the work keeps its code, even one that speaks of a queue', async () => {
  const error = await queue.run(work('fail')).catch((error: unknown) => error);
  expect(isMediatedError(error, 'ENOSPC')).toBe(true);
});

test('a module or export that is missing rejects', async () => {
  await expect(queue.run(work('missing'))).rejects.toBeInstanceOf(Error);
  await expect(queue.run({ module: 'file:///nowhere.js', export: 'x', args: [] })).rejects.toMatchObject({
    code: 'ERR_MODULE_NOT_FOUND',
  });
});

test('arguments that cannot be cloned reject', async () => {
  await expect(queue.run(work('add', () => {}))).rejects.toMatchObject({ name: 'DataCloneError' });
});

test('abort before and during: ECANCELED, and other work goes on', async () => {
  await expect(queue.run(work('add', 1, 2), { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ECANCELED',
  });
  const controller = new AbortController();
  const { result } = await spinning(controller.signal);
  const other = queue.run(work('add', 1, 2));
  controller.abort('enough');
  await expect(result).rejects.toMatchObject({ code: 'ECANCELED', cause: 'enough' });
  expect(await other).toBe(3);
});

test('work that ends its pool thread: EIO, and what waits behind it runs', async () => {
  const results = await Promise.allSettled(
    Array.from({ length: 12 }, (_, i) => queue.run(i < 6 ? work('end') : work('add', i, 0))),
  );
  expect(results.slice(0, 6).map((result) => result.status === 'rejected' && result.reason.code)).toEqual(
    Array(6).fill('EIO'),
  );
  expect(results.slice(6).map((result) => result.status === 'fulfilled' && result.value)).toEqual([6, 7, 8, 9, 10, 11]);
});

test('close rejects what is under way and what comes later: ECANCELED', async () => {
  const { result } = await spinning();
  await queue.close();
  await expect(result).rejects.toMatchObject({ code: 'ECANCELED' });
  await expect(queue.run(work('add', 1, 2))).rejects.toMatchObject({ code: 'ECANCELED' });
});
