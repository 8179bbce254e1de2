/** Faults as words and as text: what is taken, what is shown, what is refused. */
import { FAULT_FILES, initialFaults, written } from '#dist/faults/fault-files.js';
import { createsAreSound, FaultWords, MAX_COUNT, MAX_DELAY, removalsAreSound } from '#dist/faults/fault-words.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const TYPES = ['one', 'two'];

function file(name: string) {
  const found = FAULT_FILES.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no file ${name}`);
  return found;
}

function store(faults: FaultWords, name: string, text: string): string {
  file(name).store?.(faults, text, TYPES);
  return file(name).show?.(faults, TYPES) ?? '';
}

describe('words', () => {
  test('as many failures are taken as were set, each with its errno; then there are none', () => {
    const faults = new FaultWords();
    faults.setFailures('create', { count: 2, code: 'ENOSPC' });
    expect([1, 2, 3].map(() => faults.takeFailure('create'))).toEqual(['ENOSPC', 'ENOSPC', undefined]);
    expect(createsAreSound(faults.words)).toBe(true);
    expect(faults.failures('create').count).toBe(0);
  });

  test.each(['create', 'remove'] as const)('faults of a %s leave the other operation alone', (operation) => {
    const faults = new FaultWords();
    faults.setFailures(operation, { count: 1, code: 'EIO' });
    faults.setDelays(operation, { count: 1, milliseconds: 5 });
    expect(createsAreSound(faults.words)).toBe(operation === 'remove');
    expect(removalsAreSound(faults.words)).toBe(operation === 'create');
  });

  test('the largest counts and delays come back as they were set', () => {
    const faults = new FaultWords();
    faults.setFailures('remove', { count: MAX_COUNT, code: 'EOWNERDEAD' });
    faults.setDelays('remove', { count: MAX_COUNT, milliseconds: MAX_DELAY });
    expect(faults.failures('remove')).toEqual({ count: MAX_COUNT, code: 'EOWNERDEAD' });
    expect(faults.delays('remove')).toEqual({ count: MAX_COUNT, milliseconds: MAX_DELAY });
    expect(faults.takeDelay('remove')).toBe(MAX_DELAY);
    expect(faults.delays('remove').count).toBe(MAX_COUNT - 1);
  });

  test('a delay of no milliseconds is still one', () => {
    const faults = new FaultWords();
    faults.setDelays('create', { count: 1, milliseconds: 0 });
    expect([faults.takeDelay('create'), faults.takeDelay('create')]).toEqual([0, undefined]);
  });

  test('held creates go on in the order in which they came, and not ahead of their time', async () => {
    const faults = new FaultWords(new Int32Array(new SharedArrayBuffer(512)));
    faults.release(5);
    faults.toHold = 2;
    const [first, second, third] = [faults.takeHold(), faults.takeHold(), faults.takeHold()];
    expect([first, second, third]).toEqual([0, 1, undefined]);
    expect(faults.held).toBe(2);
    const order: number[] = [];
    const waits = [1, 0].map((ticket) => faults.released(ticket).then(() => order.push(ticket)));
    faults.release(1);
    await waits[1];
    expect(order).toEqual([0]);
    faults.release(100);
    await waits[0];
    expect([order, faults.held]).toEqual([[0, 1], 0]);
  });
});

describe('files', () => {
  test.each([
    ['fail_create', '3 ENOSPC', '3 ENOSPC'],
    ['fail_create', '2', '2 EIO'],
    ['fail_create', '0 EBUSY', '0'],
    ['fail_remove', '32767 EBUSY', '32767 EBUSY'],
    ['delay_create', '2 250', '2 250'],
    ['delay_remove', '0', '0'],
    ['delay_remove', '4', '4 0'],
    ['hold_create', '7', '7'],
    ['available', '0', '0'],
    ['available', 'off', 'off'],
    ['available', 'two 9', 'off\ntwo 9'],
  ])('%s takes %j and shows %j', (name, text, shown) => {
    expect(store(new FaultWords(), name, text)).toBe(shown);
  });

  test('available without a type is for all types, also those that had their own', () => {
    const faults = new FaultWords();
    store(faults, 'available', 'one 1');
    expect(store(faults, 'available', '5')).toBe('5');
    expect(store(faults, 'available', 'two 7')).toBe('5\ntwo 7');
    expect(store(faults, 'available', 'two off')).toBe('5');
  });

  test.each([
    ['fail_create', '', 'is not a count and an errno name'],
    ['fail_create', '1 ENOTHING', 'ENOTHING is no errno'],
    ['fail_create', '1 toString', 'is not a count'],
    ['fail_create', '32768 EIO', '32768 is more than 32767'],
    ['fail_remove', '-1 EIO', 'is not a count'],
    ['delay_create', '1 65536', '65536 is more than 65535'],
    ['hold_create', 'one', 'is not a count'],
    ['release', 'some', 'is not a count, or all'],
    ['available', 'three 1', 'there is no type three; the types are one, two'],
    ['available', '1 2 3', 'is not a number of instances'],
  ])('%s refuses %j', (name, text, reason) => {
    const faults = new FaultWords();
    expect(() => store(faults, name, text)).toThrow(reason);
    expect([...faults.words].every((word) => word === 0)).toBe(true);
  });

  test('whatever is written, a file takes it or changes nothing and is EINVAL; what it shows it takes', () => {
    const names = fc.constantFrom(
      ...FAULT_FILES.filter(({ store: take }) => take !== undefined).map(({ name }) => name),
    );
    const text = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.tuple(fc.nat(70_000), fc.constantFrom('', ' EIO', ' 5', ' E', '\n')).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(names, text, (name, raw) => {
        const faults = new FaultWords();
        try {
          const shown = store(faults, name, written(raw));
          if (name !== 'release') expect(store(faults, name, shown.split('\n')[0] as string)).toBe(shown);
        } catch (error) {
          expect(error).toMatchObject({ code: 'EINVAL' });
          expect([...faults.words].every((word) => word === 0)).toBe(true);
        }
      }),
    );
  });

  test('load options have the names and texts of the files', () => {
    const words = initialFaults({ fail_create: '1 EBUSY', hold_create: 2 }, TYPES);
    const faults = new FaultWords(words);
    expect([faults.failures('create'), faults.toHold]).toEqual([{ count: 1, code: 'EBUSY' }, 2]);
    expect(() => initialFaults({ fail_open: '1' }, TYPES)).toThrow('there is no fault fail_open');
    expect(() => initialFaults({ held: '1' }, TYPES)).toThrow('there is no fault held');
    expect(() => initialFaults({ release: 'all' }, TYPES)).toThrow('there is no fault release');
    expect(() => initialFaults(7, TYPES)).toThrow('the option faults is an object, or false');
  });
});
