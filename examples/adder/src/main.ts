/** Tries the adder without a virtual machine: adds 40 and 2 on it, as a driver in a guest would, and waits for its interrupt. */
import { Runtime } from '@mediated/core';
import { InterruptCounter, openDevice } from '@mediated/vfio';

await using runtime = Runtime.start();
await runtime.loadDriver(new URL('./adder.js', import.meta.url), { parents: [{ name: 'adder' }] });
const card = await runtime.bus.parent('adder').create('adder-card');
await using file = await openDevice(runtime.bus, card);
const interrupt = InterruptCounter.create();
await file.setIrqs({ index: 1, action: 'trigger', counters: [interrupt] }); // index 1 of a PCI device: MSI

const { offset } = await file.regionInfo(0); // BAR0
const word = (value: number) => new Uint8Array(Uint32Array.of(value).buffer);
await file.write(Number(offset), word(40));
await file.write(Number(offset) + 4, word(2));
const interrupts = await interrupt.wait();
const [sum] = await file.read(Number(offset) + 8, 4);
console.log(`40 and 2 make ${sum}; interrupts: ${interrupts}`);
