/** A mediated PCI device in a few lines: a counter behind registers, which interrupts when it comes round. */
import { defineDriver } from '@mediated/vfio';
import { pciOperations } from '@mediated/vfio/pci';

export default defineDriver({
  name: 'mnic',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: 'nic' }],
  maxInstances: 8,
  start: (host) =>
    pciOperations(host, () => ({
      spec: {
        vendor: 0x1af4,
        device: 0x1234,
        bars: [{ size: 4096, registers: true }, { size: 4096 }],
        msi: { vectors: 1 },
      },
      model(pci) {
        let count = 0;
        return {
          read: (_bar, _offset, into) => void into.fill(count, 0, 1),
          write(_bar, offset, [value]) {
            if (offset === 8) process.exit(4);
            count = (count + value) % 10;
            if (count === 0) pci.message(0);
          },
          reset() {
            count = 0;
          },
        };
      },
    })),
});
