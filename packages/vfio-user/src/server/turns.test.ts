/** Where threads cannot sleep for their event loops they take turns: the doorman, and the device's as it serves. */
import { existsSync } from 'node:fs';
import { COMMANDS, GuestMemory } from '@mediated/vfio-user';
import { IRQ_SET_FLAGS, irqSet, PCI_IRQS } from '@mediated/vfio/uapi';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { REGISTERS } from '../../dist-fixtures/card.fixture.js';
import { codeOf, killThread, Stage, u64 } from '../../dist-fixtures/stage.fixture.js';

let stage: Stage;

beforeEach(async () => {
  // Threads inherit it.
  vi.stubEnv('MEDIATED_EVENT_LOOP', 'turns');
  stage = await Stage.set();
});
afterEach(async () => {
  await stage.close();
  vi.unstubAllEnvs();
});

test('a machine attaches, reads, writes, posts, has memory and interrupts, and leaves; so does the next', async () => {
  for (let machine = 0; machine < 2; machine++) {
    const client = await stage.connect();
    await client.write(0, 0x400, u64(machine));
    expect(await client.read(0, 0x400, 8)).toEqual(u64(machine));
    const posted = Array.from({ length: 1000 }, (_, value) => client.post(0, 0x800, u64(value)));
    await Promise.all(posted);
    expect(await client.read(0, 0x800, 8)).toEqual(u64(999));

    const memory = GuestMemory.create(4096, client.ledger);
    memory.bytes.set([1, 2, 3]);
    await client.mapMemory({ address: 0n, memory });
    await client.write(0, REGISTERS.iova, u64(0));
    await client.write(0, REGISTERS.read, u64(3));
    expect(await client.read(0, REGISTERS.data, 3)).toEqual(Uint8Array.of(1, 2, 3));

    const event = client.eventDescriptor();
    await client.bindInterrupts(PCI_IRQS.msix, [event]);
    const signal = event.wait();
    await client.write(0, REGISTERS.raise, u64(PCI_IRQS.msix));
    expect(await signal).toBe(1n);
    await client.close();
    for (const one of [event, memory]) one.close();
  }
  expect(await stage.leftovers()).toEqual({ descriptors: 0, mappings: 0 });
});

test('a counter of the machine is heard when it is idle', async () => {
  const client = await stage.connect();
  const [event, unmask] = [client.eventDescriptor(), client.eventDescriptor()];
  await client.bindInterrupts(PCI_IRQS.intx, [event]);
  const flags = IRQ_SET_FLAGS.dataEventfd | IRQ_SET_FLAGS.unmask;
  const request = irqSet.bytes({ argsz: irqSet.size, flags, index: PCI_IRQS.intx, start: 0, count: 1 });
  expect(await client.request(COMMANDS.deviceSetIrqs, request, [unmask.descriptor.number])).toMatchObject({ errno: 0 });
  for (let times = 0; times < 3; times++) {
    // One masks it, one is kept until the machine's counter unmasks it; that one masks it again.
    if (times === 0) {
      await client.write(0, REGISTERS.raise, u64(PCI_IRQS.intx));
      expect(await event.wait()).toBe(1n);
    }
    await client.write(0, REGISTERS.raise, u64(PCI_IRQS.intx));
    unmask.signal();
    expect(await event.wait()).toBe(1n);
  }
  await client.close();
  for (const one of [event, unmask]) one.close();
});

test('what others ask of the thread is done while a machine keeps it busy', async () => {
  const client = await stage.connect();
  let isDone = false;
  const other = stage.runtime.bus
    .parent('p')
    .create('card-one')
    .then((mdev) => mdev.remove())
    .finally(() => {
      isDone = true;
    });
  while (!isDone) await Promise.all(Array.from({ length: 64 }, () => client.read(0, 0, 1)));
  await other;
  await client.close();
});

test('a removal waits until the machine lets go', async () => {
  const client = await stage.connect();
  const event = client.eventDescriptor();
  await client.bindInterrupts(PCI_IRQS.request, [event]);
  const removal = stage.mdev.remove();
  expect(await event.wait()).toBe(1n);
  expect(await client.read(0, 0, 1)).toHaveLength(1);
  await client.close();
  await removal;
  await stage.served.ended;
  event.close();
  expect(stage.served.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
});

test.each(['idle', 'busy'])(
  "the death of the device's thread ends the connection and the socket, %s as it is",
  async (how) => {
    const client = await stage.connect();
    const reads: Promise<string>[] = [];
    if (how === 'busy') for (let at = 0; at < 1000; at++) reads.push(codeOf(client.read(0, 0, 1)));
    await killThread(stage.runtime, stage.mdev);
    await client.channel.ended;
    await stage.served.ended;
    expect(new Set(['ok', 'EIO'])).toEqual(new Set(['ok', 'EIO', ...(await Promise.all(reads))]));
    expect(existsSync(stage.served.path)).toBe(false);
    expect(stage.served.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
  },
);
