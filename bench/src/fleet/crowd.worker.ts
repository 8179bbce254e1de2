/** Many hosts in one process, each with one parent and one type that only count. */
import { FleetHost, type Machine } from '@mediated/fleet';

const [servers, prefix, count, lease] = process.argv.slice(2);
/** Hosts that join at a time. */
const AT_ONCE = 16;

const nothing = () => Promise.reject(new Error('this machine only offers'));
const machine: Machine = {
  offers: async () => [
    {
      parent: 'parent',
      driver: 'bench',
      deviceApi: 'vfio-pci',
      types: [{ type: 'bench-1', name: 'bench', available: 16, description: '' }],
    },
  ],
  devices: () => [],
  has: () => false,
  create: nothing,
  remove: nothing,
  readAttribute: nothing,
  writeAttribute: nothing,
  attributes: nothing,
  open: nothing,
  follow: () => () => {},
};
const waiting = Array.from({ length: Number(count) }, (_, at) => `${prefix}${at}`);
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
      await FleetHost.join(machine, { servers, host, lease: Number(lease) });
    }
  }),
);
process.on('disconnect', () => process.exit());
process.send?.('ready');
