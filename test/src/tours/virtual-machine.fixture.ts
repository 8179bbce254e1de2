/** A device that virtual machines attach to, and a client that plays the machine: shown in docs/vfio-user.md. Run by pages.test.ts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { connect, GuestMemory, serveDevice, serveDevices } from '@mediated/vfio-user';

const runtime = Runtime.start();
await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
const directory = await mkdtemp(join(tmpdir(), 'mediated-'));
const path = join(directory, 'mtty.sock');

const port = await runtime.bus.parent('mtty').create('mtty-2');
const served = await serveDevice(runtime, port, { path });
console.log('qemu-system-x86_64 -device', served.qemuDevice.replace(directory, '/run'));

const client = await connect(path);
const { flags, size } = await client.regionInfo(0);
console.log('BAR0 has', size, 'bytes, flags', flags);
const interrupt = client.eventDescriptor();
await client.bindInterrupts(0, [interrupt]);
await client.write(0, 4, Uint8Array.of(0x0b));
await client.write(0, 1, Uint8Array.of(2));
console.log('signals:', await interrupt.wait());

const memory = GuestMemory.create(2 ** 20, client.ledger);
await client.mapMemory({ address: 0n, memory });
await client.unmapMemory();

memory.close();
interrupt.close();
await client.close();
await served.close();

const all = await serveDevices(runtime, { directory });
console.log('served:', all.devices.length);
await all.close();

await rm(directory, { recursive: true });
await runtime.close();
