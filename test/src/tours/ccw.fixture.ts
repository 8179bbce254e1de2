import { Runtime } from '@mediated/core';
import { ccwUrl } from '@mediated/vendors';
import { CCW, CCW_FLAGS, DISK_COMMANDS, IO_REGION, ORB, SCSW, TIC } from '@mediated/vendors/ccw';
import { InterruptCounter, openContainer, openGroup } from '@mediated/vfio';
import { DEVICE_SET_IRQS, EXTENSIONS, IRQ_SET_FLAGS, irqSet } from '@mediated/vfio/uapi';

await using runtime = Runtime.start();
await runtime.loadDriver(ccwUrl); // one subchannel, 0.0.0313
const mdev = await runtime.bus.parent('0.0.0313').create('vfio_ccw-io');

// A program's way to the device: its group, a container with guest memory, the device's file.
const memory = new Uint8Array(new SharedArrayBuffer(2 ** 20));
await using container = await openContainer(runtime.bus);
await using group = await openGroup(runtime.bus, mdev.group ?? -1);
await group.setContainer(container);
await container.setIommu(EXTENSIONS.type1v2);
await container.map({ memory: memory.buffer, iova: 0n });
await using file = await group.openDevice(mdev.uuid);

// Interrupt 0 counts what ends.
const interrupt = InterruptCounter.create();
const { dataEventfd, trigger } = IRQ_SET_FLAGS;
const binding = irqSet.bytes({ argsz: 24, flags: dataEventfd | trigger, index: 0, count: 1 }, 24);
new DataView(binding.buffer).setInt32(20, 3, true);
await file.ioctl(DEVICE_SET_IRQS, binding, new Map([[3, interrupt.passed]]));

/** Runs a channel program that lies at 0x1000: seek, search until the record is found, then `command`. */
async function run(command: number, data: number): Promise<number> {
  const chained = CCW_FLAGS.commandChaining;
  memory.set([0, 0, 0, 2, 0, 1], 0x2000); // cylinder 2, head 1
  memory.set([0, 2, 0, 1, 7], 0x2008); // and record 7
  memory.set(CCW.bytes({ command: DISK_COMMANDS.seek, flags: chained, address: 0x2000, count: 6 }), 0x1000);
  memory.set(CCW.bytes({ command: DISK_COMMANDS.searchId, flags: chained, address: 0x2008, count: 5 }), 0x1008);
  memory.set(CCW.bytes({ command: TIC, address: 0x1008 }), 0x1010); // not found yet: search again
  memory.set(CCW.bytes({ command, address: data, count: 4096 }), 0x1018);

  const request = new Uint8Array(124);
  request.set(ORB.bytes({ format: 1, prefetch: 1, c64: 1, lpm: 0xff, address: 0x1000 }), IO_REGION.orb.at);
  request.set(SCSW.bytes({ functions: 4 }), IO_REGION.scsw.at); // start
  await file.write(0, request);
  await interrupt.wait();
  return SCSW.get(await file.read(IO_REGION.irb.at, SCSW.size), 'deviceStatus');
}

memory.set(new TextEncoder().encode('written by a channel'), 0x3000);
console.log('write ended with 0x%s', (await run(DISK_COMMANDS.write, 0x3000)).toString(16));
console.log('read ended with 0x%s', (await run(DISK_COMMANDS.read, 0x8000)).toString(16));
console.log(Buffer.from(memory.subarray(0x8000, 0x8014)).toString());
