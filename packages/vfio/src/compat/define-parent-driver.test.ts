/** A driver of the 2016 interface, on a running bus. */
import { type Parent, Runtime } from '@mediated/core';
import { type DeviceFile, openDevice } from '@mediated/vfio';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JOURNAL, REFUSE } from '../../dist-fixtures/compat/counting.fixture.js';

const COUNTING = new URL('../../dist-fixtures/compat/counting.fixture.js', import.meta.url);
const FIRST = '00000001-0000-0000-0000-000000000000';
const code = (name: string) => expect.objectContaining({ code: name });

let runtime: Runtime;
let parent: Parent;
let removals: Int32Array;

beforeEach(async () => {
  runtime = Runtime.start();
  removals = new Int32Array(new SharedArrayBuffer(4));
  await runtime.loadDriver(COUNTING, { parents: [{ name: 'old' }], options: { removals } });
  parent = runtime.bus.parent('old');
});

afterEach(() => runtime.close());

/** What callbacks have run since the last call, as a file of any device tells. */
async function journal(file: DeviceFile): Promise<string[]> {
  const argument = new Uint8Array(512);
  await file.ioctl(JOURNAL, argument);
  const text = new TextDecoder().decode(argument.subarray(0, argument.indexOf(0)));
  return text === '' ? [] : text.split('\n');
}

/** Another device, whose file tells the journal. */
async function observer(): Promise<DeviceFile> {
  const file = await openDevice(
    runtime.bus,
    await parent.create('counting-good', 'ffffffff-0000-0000-0000-000000000000'),
  );
  await journal(file);
  return file;
}

describe('a table of callbacks', () => {
  test('open and release run for every file, not for the first and last', async () => {
    await using watch = await observer();
    const mdev = await parent.create('counting-good', FIRST);
    const files = [await openDevice(runtime.bus, mdev), await openDevice(runtime.bus, mdev)];
    for (const file of files) await file.close();
    await mdev.remove();
    const calls = ['create', 'open', 'open', 'release', 'release', 'remove'];
    expect(await journal(watch)).toEqual(calls.map((call) => `${call} 00000001`));
  });

  test('reads, writes, ioctls and mmaps reach it, and what is below 0 is an errno', async () => {
    const mdev = await parent.create('counting-good', FIRST);
    await using file = await openDevice(runtime.bus, mdev);
    expect(await file.write(2, Uint8Array.of(5, 6))).toBe(2);
    expect([...(await file.read(0, 20))]).toEqual([0, 0, 5, 6, 0, 0, 0, 0]);
    await expect(file.read(9, 1)).rejects.toEqual(code('EIO'));
    expect([...(await file.mmap(0, 8))]).toEqual([0, 0, 5, 6, 0, 0, 0, 0]);
    await expect(file.mmap(4096, 8)).rejects.toEqual(code('EIO'));
    await expect(file.ioctl(99)).rejects.toEqual(code('ENOTTY'));
    const argument = Uint8Array.of(1, 2, 3);
    await expect(file.ioctl(REFUSE, argument)).rejects.toEqual(code('ENOSPC'));
    expect([...argument]).toEqual([3, 2, 1]);
    await expect(file.migrationState()).rejects.toEqual(code('ENOTTY'));
    expect(await mdev.showAttribute('counting/files')).toBe('1\n');
  });

  test('a create that fails leaves nothing; instances and description are the driver’s own', async () => {
    await expect(parent.create('counting-bad')).rejects.toEqual(code('EIO'));
    await parent.create('counting-good');
    await parent.create('counting-good');
    await expect(parent.create('counting-good')).rejects.toEqual(code('ENOSPC'));
    expect(await parent.availableInstances('counting-good')).toBe(7);
    expect(await parent.description('counting-good')).toBe('good one');
  });

  test('an open that it refuses is none: others stay, and the next may succeed', async () => {
    const mdev = await parent.create('counting-good', FIRST);
    const files = [await openDevice(runtime.bus, mdev), await openDevice(runtime.bus, mdev)];
    files.push(await openDevice(runtime.bus, mdev));
    await expect(openDevice(runtime.bus, mdev)).rejects.toEqual(code('EBUSY'));
    expect(await mdev.showAttribute('counting/files')).toBe('3\n');
    await files.pop()?.close();
    files.push(await openDevice(runtime.bus, mdev));
    for (const file of files) await file.close();
    await mdev.remove();
    // EAGAIN if a device counted as open.
    await runtime.unloadDriver('counting');
  });
});

describe('remove', () => {
  test('it may refuse to let go of a device in use, which then is as before', async () => {
    const mdev = await parent.create('counting-clingy', FIRST);
    const file = await openDevice(runtime.bus, mdev);
    await expect(mdev.remove()).rejects.toEqual(code('EBUSY'));
    expect(await file.write(0, Uint8Array.of(1))).toBe(1);
    const second = await openDevice(runtime.bus, mdev);
    await second.close();
    await file.close();
    await mdev.remove();
    expect(runtime.bus.mdev(FIRST)).toBeUndefined();
  });

  test('one that lets go is not asked again: open files are ENODEV, and released', async () => {
    await using watch = await observer();
    const mdev = await parent.create('counting-good', FIRST);
    const file = await openDevice(runtime.bus, mdev);
    const removal = mdev.remove();
    await expect(openDevice(runtime.bus, mdev)).rejects.toEqual(code('ENODEV'));
    for (const operation of [file.read(0, 1), file.write(0, Uint8Array.of(1)), file.ioctl(JOURNAL), file.mmap(0, 8)]) {
      await expect(operation).rejects.toEqual(code('ENODEV'));
    }
    await file.close();
    await removal;
    expect(await journal(watch)).toEqual(['create 00000001', 'open 00000001', 'remove 00000001', 'release 00000001']);
  });

  test('when the parent goes it is asked too, and cannot refuse', async () => {
    const mdev = await parent.create('counting-clingy', FIRST);
    const file = await openDevice(runtime.bus, mdev);
    const gone = runtime.unregisterParent('old');
    await file.close();
    await gone;
    expect([runtime.bus.mdev(FIRST), Atomics.load(removals, 0)]).toEqual([undefined, 1]);
  });
});
