import { Runtime } from '@mediated/core';
import { openContainer, openGroup } from '@mediated/vfio';
import { type TopologySpec, vfioPciUrl } from '@mediated/vfio/pci';
import { bind, unbind } from '@mediated/vfio/physical';
import { EXTENSIONS, PCI_REGIONS } from '@mediated/vfio/uapi';

await using runtime = Runtime.start();
// A root port, behind it a bridge, behind that two functions without a reset of their own.
const options: TopologySpec = {
  devices: [
    {
      at: '01',
      bridge: 'port',
      bus: 1,
      devices: [
        {
          at: '00',
          bridge: 'conventional',
          bus: 2,
          devices: [
            { at: '01.0', vendor: 0x1af4, device: 0x1000, bars: [{ size: 4096 }], reset: [] },
            { at: '02.0', vendor: 0x1af4, device: 0x1000, bars: [{ size: 4096 }], reset: [] },
          ],
        },
      ],
    },
  ],
};
const parents = [{ name: 'pci0000:00', threads: 2 }];
await runtime.loadDriver(vfioPciUrl, { threads: 2, parents, options });
const host = runtime.bus.parent('pci0000:00');
const first = await bind(host, '0000:02:01.0', { thread: 0 });
await bind(host, '0000:02:02.0', { thread: 1 });

await using container = await openContainer(runtime.bus);
await using group = await openGroup(runtime.bus, first);
await group.setContainer(container);
await container.setIommu(EXTENSIONS.type1v2);
await using file = await group.openDevice('0000:02:01.0');

// Memory and bus mastering on; then something into BAR0.
const { offset } = await file.regionInfo(PCI_REGIONS.config);
await file.write(Number(offset) + 4, Uint8Array.of(0x06, 0));
await file.write(0, Uint8Array.of(42));
const { devices } = await file.hotResetInfo();
console.log('a hot reset reaches', devices.length, 'devices');
await file.hotReset([group]);
await file.write(Number(offset) + 4, Uint8Array.of(0x06, 0));
console.log('after it BAR0 has', (await file.read(0, 1))[0]);

await file.close();
await unbind(runtime.bus, host, '0000:02:02.0');
