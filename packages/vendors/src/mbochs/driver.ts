/**
 * mbochs, the sample display after Bochs' graphics card, as a driver (spec/vendors/mbochs). Loaded by
 * `runtime.loadDriver(mbochsUrl)`. Displays live on the thread that probed them; the 256 MB of video memory are one
 * budget that all threads share. All callbacks are synchronous, so that each runs to its end undisturbed, which is what
 * the device's lock is for.
 */
import type { DriverHost } from '@mediated/core';
import { type DeviceOperations, defineDriver, type IoctlCall } from '@mediated/vfio';
import {
  DEVICE_GET_GFX_DMABUF,
  DEVICE_GET_INFO,
  DEVICE_GET_IRQ_INFO,
  DEVICE_GET_REGION_INFO,
  DEVICE_QUERY_GFX_PLANE,
  DEVICE_RESET,
  DEVICE_SET_IRQS,
  PCI_IRQS,
  PCI_REGIONS,
  REGION_FLAGS,
  REGION_INFO_BYTES,
  REGION_SUBTYPE_GFX_EDID,
  REGION_TYPE_CAPABILITY,
  REGION_TYPE_GFX,
  readArgument,
  regionInfo,
  regionTypeCapability,
} from '@mediated/vfio/uapi';
import { withFaults } from '../faults/with-faults.js';
import { CONFIG_BYTES } from '../framebuffer/config-space.js';
import { countOption } from '../framebuffer/count-option.js';
import { answerDeviceInfo, answerIrqInfo, answerPlane, refused } from '../framebuffer/requests.js';
import { reserve } from './budget.js';
import { EDID_BYTES, EDID_OFFSET, MbochsDisplay, MEMORY_OFFSET, REGISTERS_BYTES, REGISTERS_OFFSET } from './display.js';
import { TYPES, typeOf } from './types.js';

/** Video memory of all displays together, unless the load options say otherwise. */
const MEGABYTES = 256;

const READ_WRITE = REGION_FLAGS.read | REGION_FLAGS.write;

/** Indexes of the regions: those of a PCI device, and one more. */
const REGISTERS_REGION = 2;
const EDID_REGION = PCI_REGIONS.count;
const REGIONS = EDID_REGION + 1;

/** Most bytes of a region's description: with the capability of the EDID region. A larger argsz is refused (quirk). */
const MOST_REGION_BYTES = REGION_INFO_BYTES + regionTypeCapability.size;

const EDID_CAPABILITY = regionTypeCapability.bytes({
  id: REGION_TYPE_CAPABILITY,
  version: 1,
  type: REGION_TYPE_GFX,
  subtype: REGION_SUBTYPE_GFX_EDID,
});

type RegionAnswer = Partial<ReturnType<typeof regionInfo.decode>>;

function regionOf(display: MbochsDisplay, index: number): RegionAnswer {
  const region = (flags: number, size: number, offset: number) => ({
    flags,
    size: BigInt(size),
    offset: BigInt(offset),
  });
  switch (index) {
    case PCI_REGIONS.bar0:
      return region(READ_WRITE | REGION_FLAGS.mmap, display.memoryBytes, MEMORY_OFFSET);
    case REGISTERS_REGION:
      return region(READ_WRITE, REGISTERS_BYTES, REGISTERS_OFFSET);
    case PCI_REGIONS.config:
      return region(READ_WRITE, CONFIG_BYTES, 0);
    case EDID_REGION:
      return {
        ...region(READ_WRITE | REGION_FLAGS.caps, EDID_BYTES, EDID_OFFSET),
        argsz: MOST_REGION_BYTES,
        cap_offset: REGION_INFO_BYTES,
      };
    default:
      return region(0, 0, 0);
  }
}

/** The caller gets as many bytes as its argsz says: as much of the capability as fits, zeros for other regions. */
function getRegionInfo(display: MbochsDisplay, argument: Uint8Array): void {
  const { argsz, index } = readArgument(regionInfo, argument, REGION_INFO_BYTES);
  if (argsz > MOST_REGION_BYTES) throw refused('EINVAL', `argsz is ${argsz}; it is at most ${MOST_REGION_BYTES}`);
  if (index >= REGIONS) throw refused('EINVAL', `no region ${index}`);
  if (argument.length < argsz) throw refused('EFAULT', `argsz is ${argsz}, the argument has ${argument.length} bytes`);
  regionInfo.encode(argument, regionOf(display, index));
  const capability = index === EDID_REGION ? EDID_CAPABILITY : new Uint8Array(EDID_CAPABILITY.length);
  argument.set(capability.subarray(0, argsz - REGION_INFO_BYTES), REGION_INFO_BYTES);
}

/** A file of the dma-buf with the id that the argument is. */
function getDmaBuf(display: MbochsDisplay, argument: Uint8Array, call: IoctlCall): number {
  if (argument.length < 4) throw refused('EFAULT', `the argument has ${argument.length} bytes, 4 are read`);
  const id = new DataView(argument.buffer, argument.byteOffset).getUint32(0, true);
  return call.openFile(display.planes.export(id));
}

/** What the driver declares; the module's default export makes a driver of it. */
export const mbochs = {
  name: 'mbochs',
  deviceApi: 'vfio-pci',
  types: Object.keys(TYPES).map((sysfsName) => ({ sysfsName, prettyName: `mbochs-${sysfsName}` })),
  shared: { memory: { budget: MEGABYTES } },
  configure: (options: unknown) => ({ shared: { memory: { budget: countOption(options, MEGABYTES) } } }),
  start({ shared: { memory }, bus }: DriverHost<{ memory: { budget: number } }>): DeviceOperations<MbochsDisplay> {
    const quirks = bus.memory.settings.quirks === 'kernel';
    return {
      init(device) {
        const type = typeOf(device.type);
        return reserve(memory, type.megabytes, () => new MbochsDisplay(type, quirks));
      },
      release({ data }) {
        memory.release(data.type.megabytes);
      },
      /** Registers, EDID and configuration survive; there is no `openDevice`. */
      closeDevice({ data }) {
        data.close();
      },
      read: ({ data }, position, into) => data.read(position, into),
      write: ({ data }, position, bytes) => data.write(position, bytes),
      ioctl({ data }, command, argument, call) {
        switch (command) {
          case DEVICE_GET_INFO:
            return answerDeviceInfo(argument, REGIONS);
          case DEVICE_GET_REGION_INFO:
            return getRegionInfo(data, argument);
          case DEVICE_GET_IRQ_INFO:
            return answerIrqInfo(argument, PCI_IRQS.count);
          case DEVICE_SET_IRQS:
            throw refused('EINVAL', 'a display has no interrupts');
          case DEVICE_RESET:
            return data.dispi.reset();
          case DEVICE_QUERY_GFX_PLANE:
            return answerPlane(argument, 'dmabuf', (plane) => data.plane(plane));
          case DEVICE_GET_GFX_DMABUF:
            return getDmaBuf(data, argument, call);
          default:
            throw refused('ENOTTY', `no command 0x${command.toString(16)}`);
        }
      },
      mmap({ data }, offset, length, { shared }) {
        if (shared && offset === MEMORY_OFFSET && length <= data.memoryBytes) return data.memory.subarray(0, length);
        throw refused('EINVAL', `no ${shared ? '' : 'private '}mapping of ${length} bytes at ${offset}`, 'mmap');
      },
      getAvailable: (type) => Math.floor(memory.value / typeOf(type).megabytes),
      showDescription: (type) => `virtual display, ${typeOf(type).megabytes} MB video memory\n`,
      attributes: [{ path: 'vendor/memory', show: ({ data }) => `${data.type.megabytes} MB\n` }],
    };
  },
};

export default withFaults(defineDriver(mbochs));
