/** The tour of the page of vfio-platform. */
import { Runtime } from '@mediated/core';
import { InterruptCounter, openDevice } from '@mediated/vfio';
import { bind } from '@mediated/vfio/physical';
import { platformUrl } from '@mediated/vfio/platform';

await using runtime = Runtime.start();
await runtime.loadDriver(platformUrl, {
  parents: [{ name: 'soc', path: '/devices/platform/soc', subsystem: 'platform' }],
  options: {
    devices: [
      {
        name: 'fe201000.timer',
        group: 3,
        compat: 'acme,timer',
        resources: [{ start: 0xfe201000, size: 0x1000, registers: true }],
        irqs: [{ number: 121, level: true }],
        model: new URL('./acme-timer.fixture.js', import.meta.url).href,
      },
    ],
    resetModules: { 'acme,timer': new URL('./acme-timer-reset.fixture.js', import.meta.url).href },
  },
});
const timer = await bind(runtime.bus.parent('soc'), 'fe201000.timer');
const file = await openDevice(runtime.bus, timer); // resets it

const irq = InterruptCounter.create();
await file.setIrqs({ index: 0, action: 'trigger', counters: [irq] });
await file.write(0, Uint8Array.of(1, 0, 0, 0));
console.log('interrupts', await irq.wait());
await file.write(4, Uint8Array.of(1, 0, 0, 0));
await file.setIrqs({ index: 0, action: 'unmask', count: 1 });
await file.close(); // resets it again
