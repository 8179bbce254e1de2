import { Runtime } from '@mediated/core';
import { InterruptCounter, openDevice } from '@mediated/vfio';
import { PCI_IRQS, PCI_REGIONS } from '@mediated/vfio/uapi';

await using runtime = Runtime.start();
await runtime.loadDriver(new URL('./ticker-driver.fixture.js', import.meta.url), { parents: [{ name: 'ticker0' }] });
await using file = await openDevice(runtime.bus, await runtime.bus.parent('ticker0').create('ticker-1'));

const counter = InterruptCounter.create();
await file.setIrqs({ index: PCI_IRQS.msi, action: 'trigger', counters: [counter] });
const { offset } = await file.regionInfo(PCI_REGIONS.config);
await file.write(Number(offset) + 4, Uint8Array.of(0x06, 0)); // memory and bus mastering on
for (let i = 0; i < 10; i++) await file.write(0, Uint8Array.of(1));
console.log('interrupts', await counter.wait(), 'count', (await file.read(0, 1))[0]);
await file.reset();
