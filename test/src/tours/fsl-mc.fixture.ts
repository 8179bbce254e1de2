/** The tour of the page of vfio-fsl-mc. */
import { Runtime } from '@mediated/core';
import { InterruptCounter, openDevice } from '@mediated/vfio';
import { fslMcUrl, MC_COMMAND_BYTES, McBus, mcHeader, mcStatus } from '@mediated/vfio/fsl-mc';
import { boundDevice } from '@mediated/vfio/physical';

await using runtime = Runtime.start();
const model = new URL('./acme-dpni.fixture.js', import.meta.url).href;
const regions = [{ start: 0x818000000, size: 0x10000 }];
const mc = McBus.create(runtime.bus, {
  containers: [{ id: 1, group: 9, objects: [{ type: 'dpni', id: 0, regions, irqs: 1, model }] }],
});
await runtime.loadDriver(fslMcUrl, { parents: [{ name: 'mc' }], options: mc.handle });
const parent = runtime.bus.parent('mc');
await mc.bind(parent, 'dprc.1'); // and what is in it
console.log(mc.devices.join(', '));

await using file = await openDevice(runtime.bus, boundDevice(runtime.bus, parent, 'dpni.0'));
const irq = InterruptCounter.create();
await file.setIrqs({ index: 0, action: 'trigger', counters: [irq] });
const command = new DataView(new ArrayBuffer(MC_COMMAND_BYTES));
command.setBigUint64(0, mcHeader(0x002), true);
await file.write(0, new Uint8Array(command.buffer));
const answer = await file.read(0, MC_COMMAND_BYTES);
console.log('status', mcStatus(new DataView(answer.buffer, answer.byteOffset).getBigUint64(0, true)));
console.log('interrupts', irq.take());
