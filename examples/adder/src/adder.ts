/** A PCI card that adds: two registers to write, one to read, and an interrupt (MSI) when the sum is there. */
import { PciFunction } from '@mediated/vendors/pci-function';
import { defineDriver } from '@mediated/vfio';

/** Registers of BAR0, 32 bits each. Writing B starts the addition. */
const B = 0x4;
const SUM = 0x8;

export default defineDriver({
  name: 'adder',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: 'card', prettyName: 'Adds two numbers' }],
  maxInstances: 8,
  start: () => ({
    init(device) {
      const registers = new Uint32Array(4);
      const bytes = new Uint8Array(registers.buffer);
      const card = new PciFunction(device, {
        // Numbers that QEMU keeps free for experiments, and the class of accelerators.
        identity: { vendor: 0x1af4, device: 0x10f0, subsystemVendor: 0, subsystemDevice: 0, classCode: 0x120000 },
        vectors: 1,
        bars: new Map([[0, { bytes: 16, read, write }]]),
        reset: () => void registers.fill(0),
      });
      function read(offset: number, into: Uint8Array): void {
        into.set(bytes.subarray(offset, offset + into.length));
      }
      function write(offset: number, written: Uint8Array): void {
        if (offset + written.length > SUM) return;
        bytes.set(written, offset);
        if (offset !== B) return;
        registers[2] = registers[0] + registers[1];
        card.raise(0);
      }
      return card;
    },
    closeDevice: ({ data }) => data.close(),
    read: ({ data }, position, into) => data.read(position, into),
    write: ({ data }, position, bytes) => data.write(position, bytes),
    ioctl: ({ data }, command, argument, call) => data.ioctl(command, argument, call),
  }),
});
