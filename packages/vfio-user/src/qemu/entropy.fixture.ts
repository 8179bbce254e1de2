/**
 * A virtio entropy device (virtio 1.2, sections 4.1 and 5.4), which Linux's own virtio-rng drives: it reads its queue from guest
 * memory, writes what it has to the guest's buffers and says so by MSI-X. Its entropy is one byte over and over.
 */
import { DeviceInterrupts, defineDriver, type VfioDevice } from '@mediated/vfio';
import { PCI_IRQS, PCI_REGIONS } from '@mediated/vfio/uapi';
import { PciDevice, REGION_STRIDE } from '../pci-device.fixture.js';

/** What the guest gets. */
export const ENTROPY = 0xa5;

const CONFIG_BYTES = 256;
const BAR_BYTES = 4096;
const ROM_REGISTER = PCI_REGIONS.config * REGION_STRIDE + 0x30;
const QUEUE_SIZE = 8;
const NO_VECTOR = 0xffff;
/** Where the structures are in region 0. */
const ISR = 0x100;
const NOTIFY = 0x200;

/** Registers of the common configuration. */
const COMMON = {
  deviceFeatureSelect: 0,
  deviceFeature: 4,
  configVector: 16,
  queues: 18,
  status: 20,
  queueSize: 24,
  queueVector: 26,
  descriptors: 32,
  available: 40,
  used: 48,
  bytes: 56,
} as const;

const DESCRIPTOR_BYTES = 16;
const CHAINED = 1;

/** Vendor 1af4, device 1044, two BARs of memory, pin A; common, notify and ISR structures, MSI-X with two vectors in BAR 1. */
function configSpace(): Uint8Array {
  const bytes = new Uint8Array(CONFIG_BYTES);
  const word = (value: number) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
  const structure = (next: number, length: number, kind: number, offset: number, size: number) => [
    ...[9, next, length, kind, 0, 0, 0, 0],
    ...word(offset),
    ...word(size),
  ];
  bytes.set([0xf4, 0x1a, 0x44, 0x10], 0);
  bytes.set([0x10, 0], 6);
  bytes.set([1, 0, 0, 0xff], 8);
  bytes[0x34] = 0x40;
  bytes[0x3d] = 1;
  bytes.set(structure(0x50, 16, 1, 0, COMMON.bytes), 0x40);
  bytes.set([...structure(0x64, 20, 2, NOTIFY, 4), ...word(0)], 0x50);
  bytes.set(structure(0x74, 16, 3, ISR, 1), 0x64);
  bytes.set([0x11, 0, 1, 0, ...word(1), ...word(0x801)], 0x74);
  return bytes;
}

class Entropy extends PciDevice {
  readonly config = configSpace();
  readonly registers = new Uint8Array(BAR_BYTES);
  /** BAR 1: MSI-X's table and pending bits, which machines keep themselves. */
  readonly vectors = new Uint8Array(BAR_BYTES);
  readonly view = new DataView(this.registers.buffer);
  readonly interrupts = new DeviceInterrupts(
    [{ count: 1, automasked: true }, { count: 1 }, { count: 2, noresize: true }, { count: 1 }, { count: 1 }],
    () => {},
  );
  /** How many buffers have been filled, modulo 65536. */
  filled = 0;

  constructor() {
    super();
    this.reset();
  }

  override region(index: number): Uint8Array | undefined {
    return index === PCI_REGIONS.config ? this.config : [this.registers, this.vectors][index];
  }

  override reset(): void {
    this.registers.fill(0);
    this.filled = 0;
    this.view.setUint16(COMMON.configVector, NO_VECTOR, true);
    this.view.setUint16(COMMON.queues, 1, true);
    this.view.setUint16(COMMON.queueSize, QUEUE_SIZE, true);
    this.view.setUint16(COMMON.queueVector, NO_VECTOR, true);
  }
}

/** Fills the buffers that the guest has offered since the last time. */
function fill({ data: device, dma }: VfioDevice<Entropy>): void {
  const at = (register: number) => device.view.getBigUint64(register, true);
  const load = (address: bigint, bytes: number) => {
    const view = new DataView(new ArrayBuffer(bytes));
    dma.read(address, new Uint8Array(view.buffer));
    return view;
  };
  const size = device.view.getUint16(COMMON.queueSize, true);
  const offered = load(at(COMMON.available) + 2n, 2).getUint16(0, true);
  const before = device.filled;
  for (; device.filled !== offered; device.filled = (device.filled + 1) & 0xffff) {
    const place = device.filled % size;
    const head = load(at(COMMON.available) + 4n + BigInt(place * 2), 2).getUint16(0, true);
    let length = 0;
    let next: number | undefined = head;
    while (next !== undefined) {
      const descriptor: DataView = load(at(COMMON.descriptors) + BigInt(next * DESCRIPTOR_BYTES), DESCRIPTOR_BYTES);
      const bytes = descriptor.getUint32(8, true);
      dma.write(descriptor.getBigUint64(0, true), new Uint8Array(bytes).fill(ENTROPY));
      length += bytes;
      next = (descriptor.getUint16(12, true) & CHAINED) === 0 ? undefined : descriptor.getUint16(14, true);
    }
    const used = Uint32Array.of(head, length);
    dma.write(at(COMMON.used) + 4n + BigInt(place * 8), new Uint8Array(used.buffer));
    dma.write(at(COMMON.used) + 2n, new Uint8Array(Uint16Array.of(device.filled + 1).buffer));
  }
  const vector = device.view.getUint16(COMMON.queueVector, true);
  if (device.filled !== before && vector !== NO_VECTOR) device.interrupts.raise(PCI_IRQS.msix, vector);
}

export default defineDriver({
  name: 'entropy',
  deviceApi: 'vfio-pci',
  types: [{ sysfsName: 'one' }],
  maxInstances: 16,
  start() {
    return {
      init: () => new Entropy(),
      closeDevice({ data }) {
        data.reset();
        return data.interrupts.close();
      },
      read({ data }, position, into) {
        // Only what is in the low word of the features depends on which word is asked for: bit 32, version 1.
        const version = data.view.getUint32(COMMON.deviceFeatureSelect, true) === 1 ? 1 : 0;
        data.view.setUint32(COMMON.deviceFeature, version, true);
        into.set(data.at(position, into.length));
        return into.length;
      },
      write(device, position, bytes) {
        const { data } = device;
        // A register for a ROM that took what is written would promise one.
        if (position === ROM_REGISTER) return bytes.length;
        data.at(position, bytes.length).set(bytes);
        if (position === COMMON.status && bytes[0] === 0) data.reset();
        if (position === NOTIFY) fill(device);
        return bytes.length;
      },
      ioctl: ({ data }, command, argument, call) => data.ioctl(command, argument, call),
      dmaUnmap() {},
    };
  },
});
