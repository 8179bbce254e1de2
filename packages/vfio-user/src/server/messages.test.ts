/** Every message of a machine: what the server answers when it is right, and when it is not. */
import { COMMANDS, FLAGS, GuestMemory, type Reply, type VfioUserClient } from '@mediated/vfio-user';
import { deviceInfo, irqInfo, irqSet, regionInfo } from '@mediated/vfio/uapi';
import { ERRNO } from '@mediated/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { REGION_BYTES, REGISTERS, SPARSE } from '../../dist-fixtures/card.fixture.js';
import { codeOf, Stage, u64 } from '../../dist-fixtures/stage.fixture.js';

const INTX = 0;
const MSIX = 2;
const CONFIG = 7;
const PAGE = 4096;

let stage: Stage;
let client: VfioUserClient;

beforeAll(async () => {
  stage = await Stage.set();
});
afterAll(() => stage.close());
beforeEach(async () => {
  client = await stage.connect();
});
afterEach(async () => {
  await client.close();
  expect(client.ledger.descriptors).toBe(0);
  expect(client.ledger.mappings).toBe(0);
});

/** The errno of a reply, by name. */
async function errnoOf(reply: Promise<Reply>): Promise<string> {
  const { errno, payload } = await reply;
  if (errno === 0) return 'ok';
  expect(payload.length).toBe(0);
  return Object.entries(ERRNO).find(([, number]) => number === errno)?.[0] ?? String(errno);
}

/** What a payload with these words is answered. */
const answer = (command: number, words: readonly number[], descriptors?: readonly number[]) =>
  errnoOf(client.request(command, new Uint8Array(Uint32Array.from(words).buffer), descriptors));

describe('infos', () => {
  test('GET_INFO', async () => {
    expect(await client.info()).toEqual({ flags: 3, regions: 9, irqs: 5 });
    const { payload } = await client.request(COMMANDS.deviceGetInfo, deviceInfo.bytes({ argsz: 24 }));
    expect(payload.length).toBe(16);
  });

  test.each([[[]], [[16]], [[15, 0, 0, 0]]])('GET_INFO %j is EINVAL', async (words) => {
    expect(await answer(COMMANDS.deviceGetInfo, words)).toBe('EINVAL');
  });

  test('GET_REGION_INFO: every index up to num_regions answers, a BAR that is not there with size 0', async () => {
    for (const index of [4, 5, 6, 8]) expect(await client.regionInfo(index)).toMatchObject({ size: 0, flags: 0 });
    expect(await client.regionInfo(0)).toMatchObject({ size: 4096, flags: 3, memory: undefined });
    expect(await codeOf(client.regionInfo(9))).toBe('EINVAL');
  });

  test('a configuration space that ends one byte early has 256 bytes, the last one 0', async () => {
    expect(await client.regionInfo(CONFIG)).toMatchObject({ size: 256, flags: 3 });
    const bytes = await client.read(CONFIG, 0, 256);
    expect([bytes.length, bytes[0], bytes[255]]).toEqual([256, 0xf4, 0]);
  });

  test('a region without flag mmap for memory that does not begin at a page', async () => {
    expect(await client.regionInfo(3)).toMatchObject({ size: REGION_BYTES[3], flags: 3, memory: undefined });
  });

  test('capabilities that do not fit are announced by argsz, without flag, without descriptor', async () => {
    const reply = await client.request(COMMANDS.deviceGetRegionInfo, regionInfo.bytes({ argsz: 32, index: 2 }));
    expect(regionInfo.decode(reply.payload)).toMatchObject({ argsz: 64, flags: 7, cap_offset: 0, size: 16384n });
    expect(reply.descriptors).toEqual([]);
    const region = await client.regionInfo(2);
    expect(region).toMatchObject({ flags: 15, areas: [SPARSE] });
    region.memory?.close();
  });

  test.each([[[]], [[32, 0, 0, 0, 0, 0, 0]], [[31, 0, 0, 0, 0, 0, 0, 0]], [[32, 0, 9, 0, 0, 0, 0, 0]]])(
    'GET_REGION_INFO %j is EINVAL',
    async (words) => {
      expect(await answer(COMMANDS.deviceGetRegionInfo, words)).toBe('EINVAL');
    },
  );

  test('GET_IRQ_INFO', async () => {
    expect(await client.irqInfo(INTX)).toEqual({ index: 0, flags: 7, count: 1 });
    expect(await client.irqInfo(MSIX)).toEqual({ index: 2, flags: 9, count: 4 });
    for (const words of [[], [16, 0, 0], [15, 0, 0, 0], [16, 0, 5, 0]]) {
      expect(await answer(COMMANDS.deviceGetIrqInfo, words)).toBe('EINVAL');
    }
    expect((await client.request(COMMANDS.deviceGetIrqInfo, irqInfo.bytes({ argsz: 16 }))).payload.length).toBe(16);
  });
});

describe('regions', () => {
  test.each([1, 2, 4, 8, 256])('%i bytes that are written are read', async (count) => {
    const bytes = Uint8Array.from({ length: count }, (_, at) => at + 1);
    await client.write(0, 0x400, bytes);
    expect(await client.read(0, 0x400, count)).toEqual(bytes);
  });

  test('nothing is written, nothing is read', async () => {
    await client.write(0, 4096, new Uint8Array(0));
    expect(await client.read(0, 4096, 0)).toEqual(new Uint8Array(0));
  });

  test('posted writes have no reply; what is read after them sees them', async () => {
    for (let i = 0; i < 200; i++) await client.post(0, 0x800, u64(i));
    expect(await client.read(0, 0x800, 8)).toEqual(u64(199));
  });

  test.each([
    ['is done', [0, 0, 0, 4, 1]],
    ['fails', [4094, 0, 0, 4, 1]],
    ['is none', [0, 0, 9]],
  ])('a posted write that %s is not answered', async (_, words) => {
    const head = { id: 900, command: COMMANDS.regionWrite, flags: FLAGS.noReply };
    let answered = false;
    client.channel.reply(head.id).then(
      () => {
        answered = true;
      },
      () => {},
    );
    await client.channel.send(head, new Uint8Array(Uint32Array.from(words).buffer));
    expect(await client.read(0, 0, 1)).toHaveLength(1);
    expect(answered).toBe(false);
  });

  test('REGION_WRITE_MULTI', async () => {
    await client.writeMulti([
      { region: 0, offset: 0x500, bytes: Uint8Array.of(1, 2, 3) },
      { region: 0, offset: 0x503, bytes: Uint8Array.of(4) },
    ]);
    expect(await client.read(0, 0x500, 5)).toEqual(Uint8Array.of(1, 2, 3, 4, 0));
    for (const words of [[], [1, 0], [2, 0, 0, 0, 0, 1, 0, 0], [0, 1]]) {
      expect(await answer(COMMANDS.regionWriteMulti, words)).toBe('EINVAL');
    }
    expect(await answer(COMMANDS.regionWriteMulti, [1, 0, 0, 0, 0, 9, 0, 0])).toBe('EINVAL');
    expect(await answer(COMMANDS.regionWriteMulti, [1, 0, 0, 0, 0, 0, 0, 0])).toBe('EINVAL');
  });

  test.each([
    ['no region', COMMANDS.regionRead, [0, 0, 9, 1]],
    ['an empty one', COMMANDS.regionRead, [0, 0, 4, 1]],
    ['behind the end', COMMANDS.regionRead, [4096, 0, 0, 1]],
    ['across the end', COMMANDS.regionRead, [4093, 0, 0, 4]],
    ['an offset that wraps', COMMANDS.regionRead, [0xffffffff, 0xffffffff, 0, 2]],
    ['too much', COMMANDS.regionRead, [0, 0, 1, 2 ** 20 + 1]],
    ['a short payload', COMMANDS.regionRead, [0, 0, 0]],
    ['a long payload', COMMANDS.regionRead, [0, 0, 0, 4, 0]],
    ['no payload', COMMANDS.regionRead, []],
    ['no payload', COMMANDS.regionWrite, []],
    ['less data than announced', COMMANDS.regionWrite, [0, 0, 0, 4]],
    ['more data than announced', COMMANDS.regionWrite, [0, 0, 0, 4, 0, 0]],
    ['behind the end', COMMANDS.regionWrite, [4094, 0, 0, 4, 0]],
  ])('%s: command %i with %j is EINVAL', async (_, command, words) => {
    expect(await answer(command, words)).toBe('EINVAL');
  });
});

describe('memory of regions', () => {
  test('a whole region: stores of either side are seen by the other at once', async () => {
    await client.write(1, 5, Uint8Array.of(55));
    const { memory, flags } = await client.regionInfo(1);
    expect([flags, memory?.bytes[5]]).toEqual([7, 55]);
    memory?.bytes.set([66], 6);
    expect(await client.read(1, 5, 2)).toEqual(Uint8Array.of(55, 66));
    await client.write(1, 16383, Uint8Array.of(77));
    expect(memory?.bytes[16383]).toBe(77);
    memory?.close();
  });

  test('a part of a region', async () => {
    await client.write(2, SPARSE.offset, Uint8Array.of(9));
    const { memory } = await client.regionInfo(2);
    expect(memory?.bytes[SPARSE.offset]).toBe(9);
    memory?.bytes.set([10], SPARSE.offset + SPARSE.size - 1);
    expect(await client.read(2, SPARSE.offset + SPARSE.size - 1, 1)).toEqual(Uint8Array.of(10));
    memory?.close();
  });

  test('the next machine maps the same memory', async () => {
    const first = (await client.regionInfo(1)).memory;
    first?.bytes.set([123], 100);
    await client.close();
    client = await stage.connect();
    const second = (await client.regionInfo(1)).memory;
    expect(second?.bytes[100]).toBe(123);
    await client.write(1, 101, Uint8Array.of(124));
    expect([first?.bytes[101], second?.bytes[101]]).toEqual([124, 124]);
    first?.close();
    second?.close();
  });
});

describe('interrupts', () => {
  const raise = (index: number, number = 0) => client.write(0, REGISTERS.raise, u64((number << 16) * 65536 + index));

  test('INTx masks itself; what is pending is signalled by the unmask', async () => {
    const event = client.eventDescriptor();
    await client.bindInterrupts(INTX, [event]);
    await raise(INTX);
    await raise(INTX);
    expect(event.take()).toBe(1n);
    await client.setIrqs('unmask', INTX, 1);
    expect(event.take()).toBe(1n);
    await client.setIrqs('unmask', INTX, 1);
    expect(event.take()).toBe(0n);
    await client.setIrqs('trigger', INTX, 1);
    expect(event.take()).toBe(1n);
    event.close();
  });

  test('MSI-X: a vector each; those without descriptor are silent; a count of 0 disables all', async () => {
    const events = Array.from({ length: 4 }, () => client.eventDescriptor());
    const taken = () => events.map((event) => Number(event.take()));
    await client.bindInterrupts(MSIX, events.slice(0, 2));
    await client.bindInterrupts(MSIX, events.slice(2), 2);
    for (const vector of [0, 1, 3, 3]) await raise(MSIX, vector);
    expect(taken()).toEqual([1, 1, 0, 2]);
    const held = stage.served.ledger.descriptors;
    expect(await answer(COMMANDS.deviceSetIrqs, [20, 0x24, MSIX, 1, 1])).toBe('ok');
    expect(stage.served.ledger.descriptors).toBe(held - 1);
    for (const vector of [0, 1]) await raise(MSIX, vector);
    expect(taken()).toEqual([1, 0, 0, 0]);
    await client.setIrqs('trigger', MSIX, 0);
    expect(stage.served.ledger.descriptors).toBe(held - 4);
    await raise(MSIX, 0);
    expect(taken()).toEqual([0, 0, 0, 0]);
    for (const event of events) event.close();
  });

  test('a descriptor takes the place of the one before', async () => {
    const [first, second] = [client.eventDescriptor(), client.eventDescriptor()];
    await client.bindInterrupts(1, [first]);
    const held = stage.served.ledger.descriptors;
    await client.bindInterrupts(1, [second]);
    expect(stage.served.ledger.descriptors).toBe(held);
    await raise(1);
    expect([first.take(), second.take()]).toEqual([0n, 1n]);
    first.close();
    second.close();
  });

  test('booleans choose which are fired', async () => {
    const events = Array.from({ length: 4 }, () => client.eventDescriptor());
    await client.bindInterrupts(MSIX, events);
    const payload = irqSet.bytes({ argsz: 24, flags: 0x22, index: MSIX, start: 0, count: 4 }, 24);
    payload.set([1, 0, 0, 1], 20);
    expect(await errnoOf(client.request(COMMANDS.deviceSetIrqs, payload))).toBe('ok');
    expect(events.map((event) => event.take())).toEqual([1n, 0n, 0n, 1n]);
    for (const event of events) event.close();
  });

  test('a counter of the machine unmasks', async () => {
    const [event, unmask] = [client.eventDescriptor(), client.eventDescriptor()];
    await client.bindInterrupts(INTX, [event]);
    const payload = irqSet.bytes({ argsz: 20, flags: 0x14, index: INTX, start: 0, count: 1 });
    expect(await errnoOf(client.request(COMMANDS.deviceSetIrqs, payload, [unmask.descriptor.number]))).toBe('ok');
    await raise(INTX);
    await raise(INTX);
    expect(event.take()).toBe(1n);
    unmask.signal();
    expect(await event.wait()).toBe(1n);
    event.close();
    unmask.close();
  });

  test.each([
    ['no payload', [], 0],
    ['a short one', [20, 0x24, 0, 0], 1],
    ['a small argsz', [19, 0x24, 0, 0, 1], 1],
    ['an argsz beyond the payload', [24, 0x21, 0, 0, 1], 0],
    ['no action', [20, 0x01, 0, 0, 1], 0],
    ['two actions', [20, 0x31, 0, 0, 1], 0],
    ['no kind of data', [20, 0x20, 0, 0, 1], 0],
    ['two kinds', [20, 0x23, 0, 0, 1], 0],
    ['unknown flags', [20, 0x61, 0, 0, 1], 0],
    ['no such index', [20, 0x21, 5, 0, 1], 0],
    ['masking ERR', [20, 0x09, 3, 0, 1], 0],
    ['unmasking REQ', [20, 0x11, 4, 0, 1], 0],
    ['more than there are', [20, 0x21, 2, 0, 5], 0],
    ['from behind the last', [20, 0x21, 2, 4, 1], 0],
    ['a sum that wraps', [20, 0x21, 2, 1, 0xffffffff], 0],
    ['count 0 from somewhere', [20, 0x21, 2, 1, 0], 0],
    ['count 0 to mask', [20, 0x09, 0, 0, 0], 0],
    ['count 0 with booleans', [20, 0x22, 2, 0, 0], 0],
    ['count 0 with descriptors', [20, 0x24, 2, 0, 0], 0],
    ['descriptors with nothing to do', [20, 0x21, 0, 0, 1], 1],
    ['descriptors with booleans', [24, 0x22, 2, 0, 4, 0], 1],
    ['too few descriptors', [20, 0x24, 2, 0, 2], 1],
    ['too many descriptors', [20, 0x24, 2, 0, 2], 3],
    ['more than a message has', [20, 0x24, 2, 0, 4], 9],
    ['too few booleans', [20, 0x22, 2, 0, 4], 0],
    ['too many booleans', [28, 0x22, 2, 0, 4, 0, 0], 0],
  ])('SET_IRQS with %s is EINVAL', async (_, words, descriptors) => {
    const events = Array.from({ length: descriptors }, () => client.eventDescriptor());
    const numbers = events.map(({ descriptor }) => descriptor.number);
    const held = stage.served.ledger.descriptors;
    expect(await answer(COMMANDS.deviceSetIrqs, words, numbers)).toBe('EINVAL');
    expect(stage.served.ledger.descriptors).toBe(held);
    for (const event of events) event.close();
  });

  test('SET_IRQS with a descriptor that is no eventfd is EINVAL', async () => {
    const memory = GuestMemory.create(PAGE, client.ledger);
    expect(await answer(COMMANDS.deviceSetIrqs, [20, 0x24, 0, 0, 1], [memory.file.number])).toBe('EINVAL');
    memory.close();
  });
});

describe('guest memory', () => {
  const errno = async () =>
    Number(new DataView((await client.read(0, REGISTERS.errno, 8)).slice().buffer).getBigInt64(0, true));
  const dma = async (register: number, iova: bigint | number, count: number) => {
    await client.write(0, REGISTERS.iova, u64(iova));
    await client.write(0, register, u64(count));
    return errno();
  };

  test('the device reads and writes what the machine has mapped', async () => {
    const memory = GuestMemory.create(4 * PAGE, client.ledger);
    await client.mapMemory({ address: 0x100000n, memory });
    memory.bytes.set([1, 2, 3], 4000);
    expect(await dma(REGISTERS.read, 0x100000 + 4000, 3)).toBe(0);
    expect(await client.read(0, REGISTERS.data, 3)).toEqual(Uint8Array.of(1, 2, 3));
    await client.write(0, REGISTERS.data, Uint8Array.of(7, 8, 9));
    expect(await dma(REGISTERS.write, 0x100000 + 2 * PAGE - 1, 3)).toBe(0);
    expect(memory.bytes.subarray(2 * PAGE - 1, 2 * PAGE + 2)).toEqual(Uint8Array.of(7, 8, 9));
    memory.close();
  });

  test('one file in several places is mapped once; a mapping goes with the last of them', async () => {
    const memory = GuestMemory.create(4 * PAGE, client.ledger);
    await client.mapMemory({ address: 0n, memory, size: PAGE });
    await client.mapMemory({ address: 0x10000n, memory, offset: PAGE, size: 2 * PAGE });
    expect(stage.served.ledger.mappings).toBe(1);
    memory.bytes.set([5], PAGE);
    expect(await dma(REGISTERS.read, 0x10000, 1)).toBe(0);
    expect((await client.read(0, REGISTERS.data, 1))[0]).toBe(5);
    await client.unmapMemory({ address: 0n, size: PAGE });
    expect(stage.served.ledger.mappings).toBe(1);
    expect(await dma(REGISTERS.read, 0, 1)).not.toBe(0);
    expect(await dma(REGISTERS.read, 0x10000, 1)).toBe(0);
    await client.unmapMemory();
    expect(stage.served.ledger.mappings).toBe(0);
    expect(await dma(REGISTERS.read, 0x10000, 1)).not.toBe(0);
    memory.close();
  });

  test('what is mapped for reading is not written', async () => {
    const memory = GuestMemory.create(PAGE, client.ledger);
    await client.mapMemory({ address: 0n, memory, write: false });
    expect(await dma(REGISTERS.read, 0, 8)).toBe(0);
    expect(await dma(REGISTERS.write, 0, 8)).toBe(-ERRNO.EPERM);
    memory.close();
  });

  describe('without a file', () => {
    /** As {@link dma}, by writes that the machine does not wait for. */
    const posted = async (register: number, iova: number, count: number) => {
      await client.write(0, REGISTERS.iova, u64(iova));
      await client.post(0, register, u64(count));
      return errno();
    };

    test('the device reads and writes it by messages, while the machine asks on', async () => {
      const memory = new Uint8Array(3 * PAGE);
      await client.mapMemory({ address: 0x5000n, memory });
      memory.set([1, 2, 3], PAGE - 1);
      await client.write(0, REGISTERS.iova, u64(0x5000 + PAGE - 1));
      const [, , data] = await Promise.all([
        client.post(0, REGISTERS.read, u64(3)),
        client.read(0, 0, 1),
        client.read(0, REGISTERS.data, 3),
        ...Array.from({ length: 100 }, () => client.read(0, 0, 4)),
      ]);
      expect(data).toEqual(Uint8Array.of(1, 2, 3));
      await client.write(0, REGISTERS.data, Uint8Array.of(7, 8));
      expect(await posted(REGISTERS.write, 0x5000 + 2 * PAGE, 2)).toBe(0);
      expect(memory.subarray(2 * PAGE, 2 * PAGE + 3)).toEqual(Uint8Array.of(7, 8, 0));
    });

    test('in the middle of an access for whose answer the machine waits it is EFAULT', async () => {
      await client.mapMemory({ address: 0n, memory: new Uint8Array(PAGE) });
      expect(await dma(REGISTERS.read, 0, 1)).toBe(-ERRNO.EFAULT);
      expect(await posted(REGISTERS.read, 0, 1)).toBe(0);
    });

    test('what is mapped for reading is not written; what is unmapped is not there; what the machine refuses fails', async () => {
      await client.mapMemory({ address: 0n, memory: new Uint8Array(PAGE), write: false });
      expect(await posted(REGISTERS.write, 0, 1)).not.toBe(0);
      await client.unmapMemory({ address: 0n, size: PAGE });
      expect(await posted(REGISTERS.read, 0, 1)).not.toBe(0);
      expect(await answer(COMMANDS.dmaMap, [32, 3, 0, 0, 0x9000, 0, PAGE, 0])).toBe('ok');
      expect(await posted(REGISTERS.read, 0x9000, 1)).toBe(-ERRNO.EFAULT);
    });
  });

  test('the file may be closed once it is mapped', async () => {
    const memory = GuestMemory.create(PAGE, client.ledger);
    await client.mapMemory({ address: 0n, memory });
    memory.bytes.set([42]);
    memory.close();
    expect(await dma(REGISTERS.read, 0, 1)).toBe(0);
    expect((await client.read(0, REGISTERS.data, 1))[0]).toBe(42);
  });

  test('overlapping maps are EEXIST, unknown ones ENOENT', async () => {
    const memory = GuestMemory.create(2 * PAGE, client.ledger);
    await client.mapMemory({ address: 0x1000n, memory });
    expect(await codeOf(client.mapMemory({ address: 0x2000n, memory }))).toBe('EEXIST');
    expect(await codeOf(client.unmapMemory({ address: 0x2000n, size: PAGE }))).toBe('ENOENT');
    expect(await codeOf(client.unmapMemory({ address: 0x1000n, size: PAGE }))).toBe('ENOENT');
    expect(await codeOf(client.unmapMemory({ address: 0x1000n, size: 2 * PAGE }))).toBe('ok');
    memory.close();
  });

  test.each([
    ['no payload', [], 0],
    ['a short one', [32, 3, 0, 0, 0, 0, 4096], 1],
    ['a small argsz', [31, 3, 0, 0, 0, 0, 4096, 0], 1],
    ['unknown flags', [32, 4, 0, 0, 0, 0, 4096, 0], 1],
    ['no size', [32, 3, 0, 0, 0, 0, 0, 0], 1],
    ['an end that wraps', [32, 3, 0, 0, 0xfffff000, 0xffffffff, 0x2000, 0], 1],
    ['a range that is not of pages', [32, 3, 0, 0, 0, 0, 100, 0], 1],
    ['an address that is not', [32, 3, 0, 0, 100, 0, 4096, 0], 1],
    ['an offset that is not', [32, 3, 100, 0, 0, 0, 4096, 0], 1],
    ['more than the file has', [32, 3, 0, 0, 0, 0, 8192, 0], 1],
    ['an offset behind its end', [32, 3, 4096, 0, 0, 0, 4096, 0], 1],
    ['two descriptors', [32, 3, 0, 0, 0, 0, 4096, 0], 2],
  ])('DMA_MAP with %s is EINVAL', async (_, words, descriptors) => {
    const memories = Array.from({ length: descriptors }, () => GuestMemory.create(PAGE, client.ledger));
    const numbers = memories.map(({ file }) => file.number);
    const { descriptors: held, mappings } = stage.served.ledger;
    expect(await answer(COMMANDS.dmaMap, words, numbers)).toBe('EINVAL');
    expect(stage.served.ledger).toMatchObject({ descriptors: held, mappings });
    for (const memory of memories) memory.close();
  });

  test('DMA_MAP of what is no file is EINVAL', async () => {
    const event = client.eventDescriptor();
    expect(await answer(COMMANDS.dmaMap, [32, 3, 0, 0, 0, 0, 4096, 0], [event.descriptor.number])).toBe('EINVAL');
    event.close();
  });

  test.each([
    ['no payload', []],
    ['a short one', [24, 0, 0, 0, 4096]],
    ['a small argsz', [23, 0, 0, 0, 4096, 0]],
    ['unknown flags', [24, 4, 0, 0, 4096, 0]],
    ['all and an address', [24, 2, 4096, 0, 0, 0]],
    ['all and a bitmap', [24, 3, 0, 0, 0, 0]],
  ])('DMA_UNMAP with %s is EINVAL', async (_, words) => {
    expect(await answer(COMMANDS.dmaUnmap, words)).toBe('EINVAL');
  });

  test('what the machine leaves mapped goes with it', async () => {
    const memory = GuestMemory.create(PAGE, client.ledger);
    await client.mapMemory({ address: 0n, memory });
    memory.close();
    await client.close();
    expect((await stage.leftovers()).mappings).toBe(0);
    client = await stage.connect();
    expect(await dma(REGISTERS.read, 0, 1)).not.toBe(0);
  });
});

describe('the others', () => {
  test('RESET', async () => {
    await client.write(0, 0, Uint8Array.of(1));
    await client.reset();
    expect(await client.read(0, 0, 1)).toEqual(Uint8Array.of(0));
    expect(await answer(COMMANDS.deviceReset, [0])).toBe('EINVAL');
  });

  test.each([0, 11, 12, 19, 255, 65535])('command %i is EINVAL', async (command) => {
    expect(await answer(command, [])).toBe('EINVAL');
  });

  test.each([6, 14])('command %i is not supported', async (command) => {
    expect(await answer(command, [])).toBe('EOPNOTSUPP');
  });

  test('a second VERSION is EINVAL', async () => {
    expect(await codeOf(client.negotiate())).toBe('EINVAL');
  });

  test('a reply that nobody asked for is EINVAL; so are unknown kinds', async () => {
    for (const kind of [FLAGS.reply, 2, 15]) {
      const reply = client.channel.reply(7);
      await client.channel.send({ id: 7, command: COMMANDS.dmaRead, flags: kind }, new Uint8Array(0));
      expect(await errnoOf(reply)).toBe('EINVAL');
    }
  });

  test('descriptors where none belong are EINVAL, and closed', async () => {
    const event = client.eventDescriptor();
    const held = stage.served.ledger.descriptors;
    for (const command of Object.values(COMMANDS)) {
      if (command === COMMANDS.dmaMap || command === COMMANDS.deviceSetIrqs) continue;
      expect(await errnoOf(client.request(command, u64(0), [event.descriptor.number]))).toMatch(/EINVAL|EOPNOTSUPP/);
      expect(stage.served.ledger.descriptors).toBe(held);
    }
    event.close();
  });

  test('features that the device does not have are ENOTTY; malformed ones EINVAL', async () => {
    expect(await answer(COMMANDS.deviceFeature, [8, 0x40001])).toBe('ENOTTY');
    for (const words of [[], [8], [4, 0x40001], [8, 0x40001, 0], [0xffffffff, 0x10001]]) {
      expect(await answer(COMMANDS.deviceFeature, words)).toBe('EINVAL');
    }
    for (const command of [COMMANDS.migrationDataRead, COMMANDS.migrationDataWrite]) {
      for (const words of [[], [8], [7, 0], [8, 4], [8, 0xffffffff], [12, 4, 0]]) {
        expect(await answer(command, words)).toBe('EINVAL');
      }
    }
  });
});
