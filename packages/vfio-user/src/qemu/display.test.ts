/**
 * A stock Linux guest as judge of displays, which the program `mediated up` has: one program, one guest. Needs what
 * `scripts/qemu/fetch.sh` fetches; `pnpm test:qemu`.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missing } from '../../dist-fixtures/qemu/initrd.fixture.js';
import { Machine } from '../../dist-fixtures/qemu/machine.fixture.js';
import { type Picture, Program } from '../../dist-fixtures/qemu/program.fixture.js';

const BOCHS = '00000000-0000-4000-8000-00000000b0c5';
const MDPY = '00000000-0000-4000-8000-000000003d97';
/** What the guest fills its framebuffer with: no two pixels beside or below each other are the same. */
const TEXT = 'mediated\n';
const execute = promisify(execFile);

/** Pixels of a framebuffer that is filled with the text: blue, green, red, unused. */
function filled(width: number, height: number, stride: number): Picture {
  const data = new Uint8Array(width * height * 3);
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (const byte of [2, 1, 0]) data[to++] = TEXT.charCodeAt((y * stride + x * 4 + byte) % TEXT.length);
    }
  }
  return { width, height, data };
}

describe.skipIf(missing !== undefined)(`a guest in QEMU${missing === undefined ? '' : ` (${missing})`}`, () => {
  let program: Program;
  let machine: Machine;

  beforeAll(async () => {
    const devices = [
      { parent: 'mbochs', type: 'mbochs-medium', uuid: BOCHS },
      { parent: 'mdpy', type: 'mdpy-vga', uuid: MDPY },
    ];
    program = await Program.up(['mbochs', 'mdpy'], devices);
    machine = await Machine.boot([program.qemuDevice(MDPY)]);
  });
  afterAll(async () => {
    await Machine.killAll();
    expect(await program?.end()).toBe(0);
  });

  test('bochs-drm binds mbochs; what is drawn in the guest is in the screenshot, and came without a message', async () => {
    await machine.plug(program.qemuDevice(BOCHS), 1);
    const bound = await machine.run(`for module in /modules/*.ko; do insmod $module; done
for try in $(seq 600); do
  [ -c /dev/fb0 ] && break
  sleep 0.1
done
cd /sys/class/graphics/fb0
echo $(cat name) $(basename $(readlink device/driver)) $(cat bits_per_pixel) $(cat stride)
cd /`);
    expect(bound).toBe('bochs-drmdrmfb bochs-drm 32 4096');
    // Pieces of several lines: Linux 6.12 does not show a piece that is just one.
    const draw = () => machine.run('yes mediated | dd of=/dev/fb0 bs=64k count=48 iflag=fullblock');
    expect(await machine.trace('vfio_region_write', draw)).toEqual([]);
    const expected = filled(1024, 768, 4096);
    // The guest copies what is drawn into the card's memory a little later.
    let picture = await program.screenshot(BOCHS);
    while (Buffer.compare(picture.data, expected.data) !== 0) picture = await program.screenshot(BOCHS);
    expect([picture.width, picture.height]).toEqual([1024, 768]);
  });

  test("what the guest stores in mdpy's framebuffer is in the screenshot, without any message", async () => {
    // Row 240 of 480 is grey; red and blue are stored into its first two pixels.
    const base = await machine.run(`for card in /sys/bus/pci/devices/*; do
  [ $(cat $card/vendor) = 0x1b36 ] && [ $(cat $card/device) = 0x000f ] && break
done
echo 1 > $card/enable
row=$(($(head -1 $card/resource | cut -d' ' -f1) + 240 * 640 * 4))
devmem $row 8`);
    expect(base).toBe('0x7F');
    const store = () => machine.run('devmem $row 32 0xff0000; devmem $((row + 4)) 32 0x0000ff; devmem $row 32');
    expect(await machine.trace('vfio_user_send_write', store)).toEqual([]);
    const { width, data } = await program.screenshot(MDPY);
    expect([...data.subarray(240 * width * 3, 240 * width * 3 + 9)]).toEqual([255, 0, 0, 0, 0, 255, 127, 127, 127]);
    // That is how a message would have been seen.
    expect(await machine.trace('vfio_user_send_write', () => machine.run('cat $card/config > /dev/null'))).not.toEqual(
      [],
    );
  });

  test('`echo 1 > remove` on the host waits until the card is unplugged; it is used meanwhile', async () => {
    const { tree } = program;
    // The file goes when the removal begins.
    const file = tree === null ? undefined : join(tree, 'bus/mdev/devices', BOCHS, 'remove');
    let removed = false;
    const removal = (
      file === undefined ? program.command('remove', BOCHS) : execute('sh', ['-c', `echo 1 > ${file}`])
    ).then(() => {
      removed = true;
    });
    while (file !== undefined && existsSync(file)) await nextTurn();
    const socket = JSON.parse(program.qemuDevice(BOCHS)).socket.path as string;
    await machine.run('dd if=/dev/zero of=/dev/fb0 bs=64k count=48');
    expect([removed, existsSync(socket)]).toEqual([false, true]);
    await machine.unplug(1);
    await removal;
    expect(await program.command('list')).not.toContain(BOCHS);
    expect(await machine.run('ls -d /dev/fb0 || true')).toContain('No such file');
  });
});
