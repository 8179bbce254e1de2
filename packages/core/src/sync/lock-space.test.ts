import { currentThread, LockSpace, Mutex, type RwSemaphore } from '@mediated/core/sync';
import { expect, test } from 'vitest';

test('locks lie apart in whole cache lines and keep their words', () => {
  const space = LockSpace.create({ words: 4096 });
  const handles = [
    space.mutex('a'),
    space.rwSemaphore(),
    space.semaphore(3),
    space.completion(),
    space.refCount(2),
    space.srcu(),
  ].map((lock) => lock.handle);
  expect(handles.map((handle) => handle.kind)).toEqual([
    'mutex',
    'rwSemaphore',
    'semaphore',
    'completion',
    'refCount',
    'srcu',
  ]);
  for (const handle of handles) expect((handle.offset - 1) % 16).toBe(0);
  expect(new Set(handles.map((handle) => handle.offset)).size).toBe(6);
  expect(handles[0]?.name).toBe('a');
  space.close();
});

test('a handle opens the same lock, through a structured clone too', () => {
  const space = LockSpace.create({ words: 1024 });
  const mutex = space.mutex();
  const copy = Mutex.from(structuredClone(mutex.handle));
  expect(mutex.tryLock()).toBe(true);
  expect(copy.tryLock()).toBe(false);
  expect(copy.owner).toBe(currentThread());
  copy.unlock();
  const other = LockSpace.from(structuredClone(space.handle));
  expect(other.used).toBe(space.used);
  other.mutex();
  expect(other.used).toBe(space.used);
  space.close();
  other.close();
});

test('a full space answers ENOSPC and stays usable', () => {
  const space = LockSpace.create({ words: 16 + 32 });
  const first = space.mutex();
  space.mutex();
  expect(() => space.mutex()).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  space.free(first);
  const again = space.mutex();
  expect(again.handle.offset).toBe(first.handle.offset);
  space.close();
});

test('freed memory is reused for a lock of its size, as new', () => {
  const space = LockSpace.create();
  const first = space.rwSemaphore();
  first.tryRead();
  const mutex = space.mutex();
  space.free(first);
  const used = space.used;
  const second: RwSemaphore = space.rwSemaphore();
  expect(space.used).toBe(used);
  expect(second.readers).toBe(0);
  expect(() => space.free({ handle: { ...mutex.handle, offset: 5000 } })).toThrow(
    expect.objectContaining({ code: 'EINVAL' }),
  );
  space.free(mutex);
  expect(() => space.free(mutex)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  space.close();
});

test('a claimant that died before it moved the top is helped', () => {
  const space = LockSpace.create({ words: 1024 });
  const mutex = space.mutex();
  const words = new Int32Array(space.handle.buffer);
  const header = words[mutex.handle.offset - 1] as number;
  words[space.used] = header;
  const next = space.mutex();
  expect(next.handle.offset).toBe(mutex.handle.offset + 2 * (header >>> 4));
  space.close();
});

test('a handle without a space is EINVAL', () => {
  const space = LockSpace.create();
  expect(() => LockSpace.from({ ...space.handle, buffer: new SharedArrayBuffer(256) })).toThrow(
    expect.objectContaining({ code: 'EINVAL' }),
  );
  space.close();
});
