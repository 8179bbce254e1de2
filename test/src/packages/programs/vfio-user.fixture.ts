/** A device behind a socket, and who uses it there. Run by packed.e2e.test.ts in an empty project. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Runtime } from '@mediated/core';
import { mttyUrl } from '@mediated/vendors';
import { connect, serveDevice } from '@mediated/vfio-user';

const directory = await mkdtemp(join(tmpdir(), 'mediated-'));
const runtime = Runtime.start();
await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
const served = await serveDevice(runtime, await runtime.bus.parent('mtty').create('mtty-2'), {
  path: join(directory, 'mtty.sock'),
});
const client = await connect(join(directory, 'mtty.sock'));
const { size } = await client.regionInfo(0);
console.log(Number(size));
await client.close();
await served.close();
await runtime.close();
await rm(directory, { recursive: true });
