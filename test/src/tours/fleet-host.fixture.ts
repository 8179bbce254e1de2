/** The host of docs/fleet.md; run by `../fleet/client.test.ts`. */
import { Runtime } from '@mediated/core';
import { FleetHost } from '@mediated/fleet';
import { mttyUrl } from '@mediated/vendors';

export async function startHost(servers: string, name: string): Promise<() => Promise<void>> {
  const runtime = Runtime.start();
  await runtime.loadDriver(mttyUrl, { parents: [{ name: 'mtty' }] });
  const host = await FleetHost.join(runtime, { servers, host: name, labels: { zone: 'left' } });
  host.on('fenced', () => console.error('somebody gave this host up; its devices are removed'));
  host.on('out', (error) => console.error(error.message));

  const uuid = await host.create('mtty', 'mtty-1'); // reserved in the whole fleet first, as every create from now on
  await runtime.bus.mdev(uuid)?.remove(); // given back

  return async () => {
    for (const mdev of runtime.bus.mdevs()) await mdev.remove();
    await host.close(); // leaves; what is reserved is free
    await runtime.close();
  };
}
