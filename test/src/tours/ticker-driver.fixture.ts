/** A PCI device in a few lines: it counts what is written to it, and interrupts at every tenth. */
import { defineDriver } from '@mediated/vfio';
import { pciOperations } from '@mediated/vfio/pci';

export default defineDriver({
  name: 'ticker',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: '1' }],
  maxInstances: 8,
  start: (host) =>
    pciOperations(host, () => ({
      // BAR0: registers that the model below serves; BAR1: plain memory that programs may map.
      spec: {
        vendor: 0x1234,
        device: 0x7177,
        bars: [{ size: 4096, registers: true }, { size: 4096 }],
        msi: { vectors: 1 },
      },
      model(pci) {
        let count = 0;
        return {
          read: (_bar, _offset, into) => void into.fill(count, 0, 1),
          write(_bar, _offset, [value]) {
            count += value;
            if (count % 10 === 0) pci.message(0);
          },
          reset() {
            count = 0;
          },
        };
      },
    })),
});
