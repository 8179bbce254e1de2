/** QEMU without a guest as judge: configuration space, BARs, the level of INTx. Needs what `scripts/qemu/fetch.sh` fetches. */
import { describe, expect, test } from 'vitest';
import { REGISTERS } from '../../dist-fixtures/card.fixture.js';
import { Machine, missing } from '../../dist-fixtures/qemu/machine.fixture.js';
import { Qtest } from '../../dist-fixtures/qemu/qtest.fixture.js';
import { freshPath, Stage } from '../../dist-fixtures/stage.fixture.js';

const SLOT = 4;
/** The bridge that routes interrupts, and its register for the one of our slot. */
const ROUTER = 1;
const ROUTE = 0x63;
const IRQ = 10;
const BAR = 0xfe000000;

describe.skipIf(missing !== undefined)(`with QEMU${missing === undefined ? '' : ` (${missing})`}`, () => {
  test('the configuration space is read, a BAR is placed and reached, INTx is a level', async () => {
    const stage = await Stage.set();
    const path = freshPath();
    const device = { ...JSON.parse(stage.served.qemuDevice), addr: String(SLOT) };
    let machine: Machine | undefined;
    const qtest = await Qtest.listen(path, () => {
      machine = Machine.idle(path, [JSON.stringify(device)]);
    });
    expect(await qtest.config(SLOT, 0)).toBe(0x00011af4);
    await qtest.setConfig(SLOT, 0x10, 0xffffffff);
    expect(await qtest.config(SLOT, 0x10)).toBe(0xfffff000);
    await qtest.setConfig(SLOT, 0x10, BAR);
    await qtest.setConfig(SLOT, 4, 2, 'outw');
    await qtest.ask(`writel ${BAR + 0x40} 0x12345678`);
    expect(await qtest.ask(`readw ${BAR + 0x42}`)).toBe(0x1234);

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
    qtest.close();
    await machine?.kill();
    // The files of the two regions that it has mapped stay.
    expect(await stage.leftovers(2)).toEqual({ descriptors: 0, mappings: 0 });
    await stage.close();
  });
});
