import { NameTable } from '@mediated/core/memory';
import { describe, expect, test } from 'vitest';
import { Crew, makeShared } from '../../dist-fixtures/memory/memory-workers.fixture.js';

const error = (code: string) => expect.objectContaining({ code });

describe('name table', () => {
  test('same name, same id; ids count up', () => {
    const names = NameTable.create({ thread: 0 });
    expect(['mtty-1', 'mtty-2', 'mtty-1', ''].map((name) => names.intern(name))).toEqual([0, 1, 0, 2]);
    expect([0, 1, 2, 3, -1].map((id) => names.name(id))).toEqual(['mtty-1', 'mtty-2', '', undefined, undefined]);
  });

  test('threads see each other’s names, in the order in which they came', () => {
    const first = NameTable.create({ thread: 0 });
    const second = NameTable.from(first.handle, { thread: 1 });
    expect([first.intern('a'), second.intern('b'), second.intern('a'), first.intern('c'), first.intern('b')]).toEqual([
      0, 1, 0, 2, 1,
    ]);
    expect(second.name(2)).toBe('c');
  });

  test('63 bytes of UTF-8 are a name, 64 are EINVAL, and so is a lone surrogate', () => {
    const names = NameTable.create({ thread: 0 });
    const longest = `${'é'.repeat(31)}x`;
    expect(NameTable.from(names.handle, { thread: 1 }).name(names.intern(longest))).toBe(longest);
    expect(names.name(names.intern('\ufeffmark'))).toBe('\ufeffmark');
    for (const wrong of ['é'.repeat(32), 'x'.repeat(64), '\ud800'])
      expect(() => names.intern(wrong)).toThrow(error('EINVAL'));
  });

  test('a full table is ENOSPC for new names only', () => {
    const names = NameTable.create({ capacity: 2, thread: 0 });
    names.intern('a');
    names.intern('b');
    expect(() => names.intern('c')).toThrow(error('ENOSPC'));
    expect(names.intern('b')).toBe(1);
  });

  test('the next thread with the same id never writes into a published name', () => {
    const names = NameTable.create({ thread: 5 });
    names.intern('a');
    names.intern('b');
    const successor = NameTable.from(names.handle, { thread: 5 });
    expect(successor.intern('c')).toBe(2);
    const reader = NameTable.from(names.handle, { thread: 6 });
    expect([0, 1, 2].map((id) => reader.name(id))).toEqual(['a', 'b', 'c']);
  });

  test('a thread that dies with a half-written text is passed over', () => {
    const names = NameTable.create({ capacity: 4, thread: 0 });
    // The text of thread 7, written and not published.
    new Uint8Array(names.handle.buffer, 4 * 4).set([5, 97, 98], 7 * 64);
    expect(names.intern('first')).toBe(0);
    expect(NameTable.from(names.handle, { thread: 7 }).intern('second')).toBe(1);
    expect([0, 1].map((id) => NameTable.from(names.handle, { thread: 1 }).name(id))).toEqual(['first', 'second']);
  });

  test('threads that intern the same names at once agree', async () => {
    const shared = makeShared(1);
    const count = 300;
    const jobs = Array.from({ length: 4 }, () => ({ kind: 'intern' as const, from: 0, count, rounds: 1 }));
    const [first, ...others] = (await new Crew(shared, jobs).run()) as number[][];
    for (const ids of others) expect(ids).toEqual(first);
    expect(new Set(first).size).toBe(count);
    expect(first?.map((id) => shared.names.name(id))).toEqual(first?.map((_, number) => `name-${number}`));
    expect(shared.names.name(count)).toBeUndefined();
  });
});
