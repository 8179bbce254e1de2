/**
 * mtty, the sample two-port PCI serial card, as a driver (spec/mtty). Loaded by `runtime.loadDriver(mttyUrl)`.
 * Cards live on the thread that probed them; the 24 ports are one budget that all threads share. All callbacks are
 * synchronous, so that each runs to its end undisturbed, which is what the device's locks are for.
 */
import { MediatedError, type MdevType } from '@mediated/core';
import { defineDriver } from '@mediated/vfio';
import {
  DEVICE_FLAGS,
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_INFO_BYTES,
  DEVICE_RESET,
  DEVICE_SET_IRQS,
  deviceInfo,
  IRQ_INFO_BYTES,
  IRQ_INFO_FLAGS,
  irqInfo,
  PCI_REGIONS,
  REGION_FLAGS,
  REGION_INFO_BYTES,
  readArgument,
  regionInfo,
} from '@mediated/vfio/uapi';
import { withFaults } from '../faults/with-faults.js';
import { MttyCard, REGION_BYTES } from './card.js';
import { INTX, IRQ_INDEXES, MSI } from './interrupts.js';
import { FLAGS as MIGRATION_FLAGS } from './migration.js';

/** Ports of all cards together. */
const PORTS = 24;
const PORT_BYTES = 8;
/** One short of a configuration space (quirk). */
const CONFIG_BYTES = 255;

const INTX_FLAGS = IRQ_INFO_FLAGS.eventfd | IRQ_INFO_FLAGS.maskable | IRQ_INFO_FLAGS.automasked;
const MSI_FLAGS = IRQ_INFO_FLAGS.eventfd | IRQ_INFO_FLAGS.noresize;

function portsOf(type: MdevType): 1 | 2 {
  return type.sysfsName === '1' ? 1 : 2;
}

/** RESET is not among the flags although it is accepted (quirk). Answering this once lets interrupts be set up. */
function getInfo(card: MttyCard, argument: Uint8Array): void {
  readArgument(deviceInfo, argument, DEVICE_INFO_BYTES);
  card.interrupts.told = IRQ_INDEXES;
  deviceInfo.encode(argument, { flags: DEVICE_FLAGS.pci, num_regions: PCI_REGIONS.count, num_irqs: IRQ_INDEXES });
}

/** Regions of size 0 are readable and writable too (quirk). */
function getRegionInfo(card: MttyCard, argument: Uint8Array): void {
  const { index } = readArgument(regionInfo, argument, REGION_INFO_BYTES);
  if (index >= PCI_REGIONS.count) throw invalid(`no region ${index}`);
  const size = index === PCI_REGIONS.config ? CONFIG_BYTES : index < card.ports ? PORT_BYTES : 0;
  const flags = REGION_FLAGS.read | REGION_FLAGS.write;
  regionInfo.encode(argument, { flags, size: BigInt(size), offset: BigInt(index) * BigInt(REGION_BYTES) });
}

function getIrqInfo(card: MttyCard, argument: Uint8Array): void {
  const { index } = readArgument(irqInfo, argument, IRQ_INFO_BYTES);
  if (index >= card.interrupts.told) throw invalid(`no interrupt ${index}, or GET_INFO was never asked`);
  if (index !== INTX && index !== MSI) throw invalid(`no interrupt ${index}`);
  irqInfo.encode(argument, { flags: index === INTX ? INTX_FLAGS : MSI_FLAGS, count: 1 });
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}

const mtty = defineDriver({
  name: 'mtty',
  deviceApi: 'vfio-pci',
  types: [
    { sysfsName: '1', prettyName: 'Single port serial' },
    { sysfsName: '2', prettyName: 'Dual port serial' },
  ],
  shared: { ports: { budget: PORTS } },
  start({ bus, shared: { ports } }) {
    const quirks = bus.memory.settings.quirks === 'kernel';
    return {
      init({ type }) {
        const wanted = portsOf(type);
        if (ports.tryAcquire(wanted)) return new MttyCard(wanted, quirks);
        throw new MediatedError('ENOSPC', `${wanted} of ${PORTS} ports are wanted and not free`, { syscall: 'create' });
      },
      release({ data }) {
        ports.release(data.ports);
      },
      /** Registers, FIFOs and the migration state survive; there is no `openDevice`. */
      closeDevice({ data }) {
        data.migration.endSessions();
        data.interrupts.tearDown();
      },
      read: ({ data }, position, into) => data.read(position, into),
      write: ({ data }, position, bytes) => data.write(position, bytes),
      ioctl({ data }, command, argument, call) {
        switch (command) {
          case DEVICE_GET_INFO:
            return getInfo(data, argument);
          case DEVICE_GET_REGION_INFO:
            return getRegionInfo(data, argument);
          case DEVICE_GET_IRQ_INFO:
            return getIrqInfo(data, argument);
          case DEVICE_SET_IRQS:
            return data.interrupts.set(argument, call);
          case DEVICE_RESET:
            // Registers, FIFOs, configuration and interrupts survive.
            return data.migration.reset();
          default:
            throw new MediatedError('ENOTTY', `no command 0x${command.toString(16)}`, { syscall: 'ioctl' });
        }
      },
      migration: {
        flags: MIGRATION_FLAGS,
        setState: ({ data }, state) => data.migration.setState(state),
        getState: ({ data }) => data.migration.state,
        dataSize: ({ data }) => data.migration.dataSize,
      },
      /** A card does no DMA: whatever is asked for, nothing was written. */
      logging: { start() {}, stop() {}, report() {} },
      getAvailable: (type) => Math.floor(ports.value / portsOf(type)),
      attributes: [{ path: 'vendor/sample_mdev_dev', show: ({ uuid }) => `This is MDEV ${uuid}\n` }],
    };
  },
});

export default withFaults(mtty);
