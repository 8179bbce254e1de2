/** QEMU without a guest as judge: configuration space, BARs, the level of INTx. Needs what `scripts/qemu/fetch.sh` fetches. */
import { afterEach, describe, expect, test } from 'vitest';
import { CARD_MSIX, REGISTERS } from '../../dist-fixtures/card.fixture.js';
import { missing } from '../../dist-fixtures/qemu/initrd.fixture.js';
import { Machine } from '../../dist-fixtures/qemu/machine.fixture.js';
import { Qtest } from '../../dist-fixtures/qemu/qtest.fixture.js';
import { freshPath, Stage } from '../../dist-fixtures/stage.fixture.js';

const SLOT = 4;
/** The bridge that routes interrupts, and its register for the one of our slot. */
const ROUTER = 1;
const ROUTE = 0x63;
const IRQ = 10;
const BAR = 0xfe000000;
/** Where the region with the MSI-X table is put. */
const TABLE_BAR = 0xfe010000;
const MSIX_CONTROL = CARD_MSIX.at + 2;
const MSIX_ENABLE = 0x8000;
/** Free memory of the machine: a message is a store to the address that the table has. */
const MAILBOX = 0x100000;

afterEach(Machine.killAll);

describe.skipIf(missing !== undefined)(`QEMU without a guest${missing === undefined ? '' : ` (${missing})`}`, () => {
  /** A card in a slot, its registers at {@link BAR}, memory and bus master on. */
  async function attached(): Promise<{ stage: Stage; machine: Machine; qtest: Qtest }> {
    const stage = await Stage.set();
    const path = freshPath();
    const device = { ...JSON.parse(stage.served.qemuDevice), id: 'card', addr: String(SLOT) };
    let machine: Machine | undefined;
    const qtest = await Qtest.listen(path, async () => {
      machine = await Machine.idle(path, [JSON.stringify(device)]);
    });
    await qtest.setConfig(SLOT, 0x10, BAR);
    await qtest.setConfig(SLOT, 0x1c, TABLE_BAR);
    await qtest.setConfig(SLOT, 4, 6, 'outw');
    return { stage, machine: machine as Machine, qtest };
  }

  async function left(stage: Stage, machine: Machine): Promise<void> {
    await machine.kill();
    // The files of the two regions that it has mapped stay.
    expect(await stage.leftovers(2)).toEqual({ descriptors: 0, mappings: 0 });
    await stage.close();
  }

  test('reads the configuration space, sizes BARs and reaches what is behind them', async () => {
    const { stage, machine, qtest } = await attached();
    expect(await qtest.config(SLOT, 0)).toBe(0x00011af4);
    await qtest.setConfig(SLOT, 0x10, 0xffffffff);
    expect(await qtest.config(SLOT, 0x10)).toBe(0xfffff000);
    await qtest.setConfig(SLOT, 0x10, BAR);
    await qtest.ask(`writel ${BAR + 0x40} 0x12345678`);
    expect(await qtest.ask(`readw ${BAR + 0x42}`)).toBe(0x1234);
    await left(stage, machine);
  });

  test('INTx is a level: it stays until the last cause is gone, and comes again without an access of the device', async () => {
    const { stage, machine, qtest } = await attached();
    await qtest.setConfig(ROUTER, ROUTE, IRQ, 'outb');
    // A level, not an edge; what is read of the interrupt controller is what is requested.
    await qtest.ask(`outb 0x4d1 ${1 << (IRQ - 8)}`);
    await qtest.ask('outb 0xa0 0x0a');
    const requested = async () => ((await qtest.ask('inb 0xa0')) & (1 << (IRQ - 8))) !== 0;
    const becomes = async (level: boolean) => {
      // Each look is a question to QEMU, whose main loop hears of the interrupt between two of them.
      while ((await requested()) !== level);
    };
    expect(await requested()).toBe(false);
    await qtest.ask(`writeq ${BAR + REGISTERS.raise} 0`);
    await becomes(true);
    // The access lets the level go and unmasks; another interrupt that was pending comes without one more.
    await qtest.ask(`writeq ${BAR + REGISTERS.raise} 0`);
    await becomes(true);
    await qtest.ask(`readl ${BAR}`);
    await becomes(false);
    expect(await requested()).toBe(false);
    await left(stage, machine);
  });

  test('MSI-X: a vector is a message to the address in its table entry; a masked one waits for the unmasking', async () => {
    const { stage, machine, qtest } = await attached();
    const entry = (vector: number) => TABLE_BAR + vector * 16;
    for (const vector of [0, 1, 2, 3]) {
      await qtest.ask(`writel ${entry(vector)} ${MAILBOX + vector * 4}`);
      await qtest.ask(`writel ${entry(vector) + 4} 0`);
      await qtest.ask(`writel ${entry(vector) + 8} ${0xca0 + vector}`);
    }
    await qtest.setConfig(SLOT, MSIX_CONTROL, MSIX_ENABLE | (CARD_MSIX.vectors - 1), 'outw');
    const message = (vector: number) => qtest.ask(`readl ${MAILBOX + vector * 4}`);
    const raise = (vector: number) => qtest.ask(`writeq ${BAR + REGISTERS.raise} ${vector * 2 ** 32 + 2}`);
    const unmask = (vector: number) => qtest.ask(`writel ${entry(vector) + 12} 0`);
    for (const vector of [0, 3]) await unmask(vector);
    for (const vector of [3, 0]) {
      await raise(vector);
      while ((await message(vector)) !== 0xca0 + vector);
    }
    // A vector in use is masked: its message comes with the unmasking.
    await qtest.ask(`writel ${entry(3) + 12} 1`);
    await qtest.ask(`writel ${MAILBOX + 12} 0`);
    await qtest.ask(`writel ${MAILBOX} 0`);
    await raise(3);
    await raise(0);
    while ((await message(0)) === 0);
    expect(await message(3)).toBe(0);
    await unmask(3);
    while ((await message(3)) === 0);
    expect([await message(1), await message(2)]).toEqual([0, 0]);
    await left(stage, machine);
  });
});
