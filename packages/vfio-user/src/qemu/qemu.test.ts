/** QEMU and a stock Linux guest as judges. Needs what `scripts/qemu/fetch.sh` fetches; `pnpm test:qemu`. */
import { mttyUrl } from '@mediated/vendors';
import { describe, expect, test } from 'vitest';
import { Machine, missing } from '../../dist-fixtures/qemu/machine.fixture.js';
import { Stage } from '../../dist-fixtures/stage.fixture.js';

describe.skipIf(missing !== undefined)(`with QEMU${missing === undefined ? '' : ` (${missing})`}`, () => {
  test('a guest binds mtty as two serial ports and sends both ways, with interrupts', async () => {
    const stage = await Stage.set(mttyUrl, 'mtty-2');
    // A line is shorter than mtty's FIFO: it looks empty when it is full (quirk).
    const machine = Machine.boot(
      `for d in /sys/bus/pci/devices/*; do
  [ -e $d/driver ] && echo "PCI $(cat $d/vendor) $(cat $d/device) $(basename $(readlink $d/driver))"
done
for port in ttyS1 ttyS2; do
  stty -F /dev/$port raw -echo 9600
  cat /dev/$port > /heard.$port &
  sleep 0.3
  for word in one two three; do echo "$word $port" > /dev/$port; sleep 0.2; done
  echo "HEARD $(cat /heard.$port | tr '\n' ' ')"
done
echo "INTERRUPTS $(grep ttyS1 /proc/interrupts)"`,
      [stage.served.qemuDevice],
    );
    const output = await machine.ended();
    expect(output).toContain('PCI 0x4348 0x3253 serial');
    expect(output).toContain('HEARD one ttyS1 two ttyS1 three ttyS1');
    expect(output).toContain('HEARD one ttyS2 two ttyS2 three ttyS2');
    expect(Number(/INTERRUPTS +\d+: +(\d+)/.exec(output)?.[1])).toBeGreaterThan(3);
    expect(await stage.leftovers()).toEqual({ descriptors: 0, mappings: 0 });
    await stage.close();
  }, 120_000);
});
