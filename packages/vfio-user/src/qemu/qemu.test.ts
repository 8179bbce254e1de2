/** QEMU and a stock Linux guest as judges. Needs what `scripts/qemu/fetch.sh` fetches; `pnpm test:qemu`. */
import { mdpyUrl, mttyUrl } from '@mediated/vendors';
import { openDevice } from '@mediated/vfio';
import { serveDevice } from '@mediated/vfio-user';
import { describe, expect, test } from 'vitest';
import { Machine, missing } from '../../dist-fixtures/qemu/machine.fixture.js';
import { freshPath, Stage } from '../../dist-fixtures/stage.fixture.js';

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

  test('a machine that dies in use is a close: a removal that waits for it goes on, nothing is left', async () => {
    const stage = await Stage.set(mttyUrl, 'mtty-1');
    const machine = Machine.boot('cat /dev/ttyS1 & sleep 0.3; echo READY; sleep 100', [stage.served.qemuDevice]);
    await machine.printed(/READY/);
    expect(stage.served.ledger.mappings).toBe(1);
    const removal = stage.mdev.remove();
    expect(stage.mdev.presence.driver).toBe(true);
    await machine.kill();
    await removal;
    await stage.served.ended;
    expect(stage.served.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
    await stage.close();
  }, 120_000);

  test('two devices of two parents in one guest; the memory of a display is the guest’s', async () => {
    const stage = await Stage.set(mttyUrl, 'mtty-1');
    await stage.runtime.loadDriver(mdpyUrl, { parents: [{ name: 'mdpy' }] });
    const display = await stage.runtime.bus.parent('mdpy').create('mdpy-vga');
    await using served = await serveDevice(stage.runtime, display, { path: freshPath() });
    const machine = Machine.boot(
      `for d in /sys/bus/pci/devices/*; do
  [ $(cat $d/vendor) = 0x1b36 ] && [ $(cat $d/device) = 0x000f ] && card=$d
done
echo 1 > $card/enable
base=$(head -1 $card/resource | cut -d' ' -f1)
echo "SERIAL $(ls -d /sys/class/tty/ttyS1/device/driver | wc -l)"
# The middle of the picture: row 240 of 480 is grey.
echo "GREY $(devmem $((base + 240 * 640 * 4)) 8)"
devmem $((base + 5)) 8 0x5a
echo "DRAWN $(devmem $((base + 5)) 8)"`,
      [stage.served.qemuDevice, served.qemuDevice],
    );
    const output = await machine.ended();
    expect(output).toContain('SERIAL 1');
    expect(output).toContain('GREY 0x7F');
    expect(output).toContain('DRAWN 0x5A');
    const program = await openDevice(stage.runtime.bus, display);
    expect((await program.mmap(4096, 4096))[5]).toBe(0x5a);
    await program.close();
    await served.close();
    await stage.close();
  }, 120_000);
});
