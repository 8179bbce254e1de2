/** Many light hosts in one process: joins so many of them, tells when they are there, and ends with its parent. */
import { FleetHost } from '@mediated/fleet';
import { LightMachine } from './light-machine.fixture.js';

/** Hosts that join at a time. */
const AT_ONCE = 16;

const [servers, prefix, count, lease] = process.argv.slice(2);
const waiting = Array.from({ length: Number(count) }, (_, at) => `${prefix}${String(at).padStart(4, '0')}`);
const hosts: FleetHost[] = [];
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
      hosts.push(await FleetHost.join(new LightMachine(4), { servers, host, lease: Number(lease) }));
    }
  }),
);
process.on('disconnect', () => process.exit());
process.send?.('ready');
