/**
 * A stock Linux guest as judge of cards, serial ports most of all: one guest, which keeps what a test leaves to the next. Needs what
 * `scripts/qemu/fetch.sh` fetches; `pnpm test:qemu`.
 */
import { existsSync } from 'node:fs';
import { mttyUrl } from '@mediated/vendors';
import { type ServedDevice, serveDevice } from '@mediated/vfio-user';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENTROPY } from '../../dist-fixtures/qemu/entropy.fixture.js';
import { missing } from '../../dist-fixtures/qemu/initrd.fixture.js';
import { Machine } from '../../dist-fixtures/qemu/machine.fixture.js';
import { freshPath, killThread, Stage } from '../../dist-fixtures/stage.fixture.js';

/**
 * What every guest's shell is taught. `open 3 ttyS1`: a port as descriptor 3, when it is there. `say 3 word`: what is heard
 * after a word was sent; the cards send back what they get. A word is shorter than the card's FIFO, which looks empty when it is
 * full (quirk).
 */
const WORDS = `card() {
  # The PCI function that a port belongs to; nothing, if it is none of a card.
  readlink -f /sys/class/tty/$1 | sed -n 's|.*/\\(0000:..:..\\..\\)/0000:.*|\\1|p'
}
open() {
  for try in $(seq 600); do
    [ -n "$(card $2)" ] && [ -c /dev/$2 ] && break
    sleep 0.1
  done
  eval "exec $1<>/dev/$2"
  stty -F /dev/$2 raw -echo 9600
}
say() {
  echo $2 >&$1
  read -r -t 60 heard <&$1
  echo $heard
}`;

describe.skipIf(missing !== undefined)(`a guest in QEMU${missing === undefined ? '' : ` (${missing})`}`, () => {
  let stage: Stage;
  let machine: Machine;
  /** A card of another parent on another thread. */
  let other: ServedDevice;
  let entropy: ServedDevice;

  const serveOther = async (type = 'mtty-1') => {
    const mdev = await stage.runtime.bus.parent('q').create(type);
    return serveDevice(stage.runtime, mdev, { path: freshPath() });
  };

  beforeAll(async () => {
    stage = await Stage.set(mttyUrl, 'mtty-2', ['q']);
    machine = await Machine.boot([stage.served.qemuDevice]);
    await machine.run(WORDS);
  }, 120_000);
  afterAll(async () => {
    await Machine.killAll();
    await stage?.close();
  });

  test('binds mtty as two serial ports and sends both ways, with interrupts', async () => {
    const cards = await machine.run(`for port in ttyS1 ttyS2; do
  device=/sys/bus/pci/devices/$(card $port)
  echo $(cat $device/vendor $device/device) $(basename $(readlink $device/driver))
done`);
    expect(cards).toBe('0x4348 0x3253 serial\n0x4348 0x3253 serial');
    await machine.run('open 3 ttyS1; open 4 ttyS2');
    expect(await machine.run('say 3 one; say 4 two; say 3 three')).toBe('one\ntwo\nthree');
    const before = await interrupts();
    expect(await machine.run('say 3 four; say 4 five')).toBe('four\nfive');
    expect(await interrupts()).toBeGreaterThan(before);
  });

  /** Of both ports, which share a line. */
  async function interrupts(): Promise<number> {
    return Number(/^ *\d+: +(\d+).*ttyS1/m.exec(await machine.run('cat /proc/interrupts'))?.[1]);
  }

  test('a card of another parent is plugged in while the guest runs; both pass data on to each other', async () => {
    other = await serveOther();
    await machine.plug(other.qemuDevice, 1);
    await machine.run('open 5 ttyS3');
    expect(await machine.run('there=$(say 3 there); back=$(say 5 $there-back); say 4 $back-3')).toBe('there-back-3');
    expect(other.ledger.mappings).toBe(1);
  });

  test('unplugged while a program has it open, and plugged in again at the same socket', async () => {
    await machine.unplug(1);
    expect(await machine.run('exec 5>&-; card ttyS3')).toBe('');
    expect(await machine.run('say 3 still')).toBe('still');
    await machine.plug(other.qemuDevice, 1);
    await machine.run('open 5 ttyS3');
    expect(await machine.run('say 5 again')).toBe('again');
  });

  test('the machine is reset: the guest finds its cards again', async () => {
    await machine.reset();
    await machine.run(WORDS);
    await machine.run('open 3 ttyS1; open 4 ttyS2; open 5 ttyS3');
    expect(await machine.run('say 3 one; say 4 two; say 5 three')).toBe('one\ntwo\nthree');
  });

  test('a removal waits for the machine, which uses the card until it is unplugged', async () => {
    let removed = false;
    const removal = other.mdev.remove().then(() => {
      removed = true;
    });
    expect(await machine.run('say 5 used')).toBe('used');
    expect([removed, existsSync(other.path)]).toEqual([false, true]);
    await machine.unplug(1);
    await removal;
    await other.ended;
    expect(existsSync(other.path)).toBe(false);
    expect(other.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
    expect(await machine.run('exec 5>&-; say 3 still')).toBe('still');
  });

  test("the death of a card's thread leaves the guest with a dead card, which is unplugged; another takes its place", async () => {
    other = await serveOther();
    await machine.plug(other.qemuDevice, 1);
    await machine.run('open 5 ttyS3; say 5 alive');
    await killThread(stage.runtime, other.mdev);
    await other.ended;
    expect(other.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
    await machine.unplug(1);
    other = await serveOther();
    await machine.plug(other.qemuDevice, 1);
    await machine.run('exec 5>&-; open 5 ttyS3');
    expect(await machine.run('say 5 another; say 3 still')).toBe('another\nstill');
  });

  test('virtio-rng gets what a device of the test writes to guest memory, by MSI-X', async () => {
    const { runtime } = stage;
    await runtime.loadDriver(new URL('../../dist-fixtures/qemu/entropy.fixture.js', import.meta.url), {
      parents: [{ name: 'entropy' }],
    });
    const mdev = await runtime.bus.parent('entropy').create('entropy-one');
    entropy = await serveDevice(runtime, mdev, { path: freshPath() });
    await machine.plug(entropy.qemuDevice, 2);
    const got = await machine.run(`insmod /modules/*-virtio_rng.ko
for try in $(seq 600); do
  grep -q virtio_rng /sys/class/misc/hw_random/rng_current && break
  sleep 0.1
done
dd if=/dev/hwrng bs=16 count=1 2>/dev/null | hexdump -v -e '16/1 "%02x" "\\n"'
grep virtio /proc/interrupts`);
    expect(got).toContain(ENTROPY.toString(16).repeat(16));
    // The second vector is the queue's.
    expect(Number(/(\d+) +PCI-MSIX-[^ ]+ +1-edge +virtio/.exec(got)?.[1])).toBeGreaterThan(0);
    // It stays until the guest ends: `limits.test.ts`.
  });

  test('a machine that dies in use is a close: a removal that waits for it goes on, nothing is left', async () => {
    let removed = false;
    const removal = stage.mdev.remove().then(() => {
      removed = true;
    });
    expect(await machine.run('say 3 used')).toBe('used');
    expect(removed).toBe(false);
    await machine.kill();
    await removal;
    await stage.served.ended;
    await Promise.all([other.close(), entropy.close()]);
    for (const { ledger } of [stage.served, other, entropy]) {
      expect(ledger).toMatchObject({ descriptors: 0, mappings: 0 });
    }
  });
});
