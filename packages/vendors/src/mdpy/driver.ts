/**
 * mdpy, the sample display with a plain framebuffer, as a driver (spec/vendors/mdpy). Loaded by
 * `runtime.loadDriver(mdpyUrl)`. Displays live on the thread that probed them, and share nothing: their number is
 * limited by the mdev core, four of all types together per parent. All callbacks are synchronous, so that each runs to
 * its end undisturbed, which is what the device's lock is for.
 */
import type { DriverHost } from '@mediated/core';
import { type DeviceOperations, defineDriver } from '@mediated/vfio';
import {
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
  readArgument,
  regionInfo,
} from '@mediated/vfio/uapi';
import { withFaults } from '../faults/with-faults.js';
import { CONFIG_BYTES } from '../framebuffer/config-space.js';
import { countOption } from '../framebuffer/count-option.js';
import { answerDeviceInfo, answerIrqInfo, answerPlane, refused } from '../framebuffer/requests.js';
import { DISPLAY_REGION, FRAMEBUFFER_OFFSET, MdpyDisplay } from './display.js';
import { MODES, modeOf } from './modes.js';

/** Displays of all types on one parent, unless the load options say otherwise. */
const DISPLAYS = 4;

const READ_WRITE = REGION_FLAGS.read | REGION_FLAGS.write;

/** The framebuffer is BAR0 and, once more, a region behind the last that GET_INFO counts (quirk). */
function getRegionInfo({ mode }: MdpyDisplay, argument: Uint8Array): void {
  const { index } = readArgument(regionInfo, argument, REGION_INFO_BYTES);
  if (index >= PCI_REGIONS.count && index !== DISPLAY_REGION) throw refused('EINVAL', `no region ${index}`);
  if (index === PCI_REGIONS.config) {
    regionInfo.encode(argument, { flags: READ_WRITE, size: BigInt(CONFIG_BYTES), offset: 0n });
  } else if (index === PCI_REGIONS.bar0 || index === DISPLAY_REGION) {
    const flags = READ_WRITE | REGION_FLAGS.mmap;
    regionInfo.encode(argument, { flags, size: BigInt(mode.memoryBytes), offset: BigInt(FRAMEBUFFER_OFFSET) });
  } else {
    regionInfo.encode(argument, { flags: 0, size: 0n, offset: 0n });
  }
}

/** What the driver declares; the module's default export makes a driver of it. */
export const mdpy = {
  name: 'mdpy',
  deviceApi: 'vfio-pci',
  types: Object.keys(MODES).map((sysfsName) => ({ sysfsName, prettyName: `mdpy-${sysfsName}` })),
  configure: (options: unknown) => ({ maxInstances: countOption(options, DISPLAYS) }),
  start({ bus }: DriverHost): DeviceOperations<MdpyDisplay> {
    const offsetCounts = bus.memory.settings.quirks === 'mended';
    return {
      init: ({ type }) => new MdpyDisplay(modeOf(type), offsetCounts),
      read: ({ data }, position, into) => data.read(position, into),
      write: ({ data }, position, bytes) => data.write(position, bytes),
      ioctl({ data }, command, argument) {
        switch (command) {
          case DEVICE_GET_INFO:
            answerDeviceInfo(argument, PCI_REGIONS.count);
            data.told = PCI_IRQS.count;
            return;
          case DEVICE_GET_REGION_INFO:
            return getRegionInfo(data, argument);
          case DEVICE_GET_IRQ_INFO:
            return answerIrqInfo(argument, data.told);
          case DEVICE_SET_IRQS:
            throw refused('EINVAL', 'a display has no interrupts');
          case DEVICE_RESET:
            return data.paint();
          case DEVICE_QUERY_GFX_PLANE:
            // Whichever plane is asked for (quirk).
            return answerPlane(argument, 'region', () => data.plane);
          default:
            throw refused('ENOTTY', `no command 0x${command.toString(16)}`);
        }
      },
      mmap({ data: { framebuffer } }, offset, length, { shared }) {
        if (shared && offset === FRAMEBUFFER_OFFSET && length <= framebuffer.length) {
          return framebuffer.subarray(0, length);
        }
        throw refused('EINVAL', `no ${shared ? '' : 'private '}mapping of ${length} bytes at ${offset}`, 'mmap');
      },
      showDescription: (type) => `virtual display, ${modeOf(type).text} framebuffer\n`,
      attributes: [{ path: 'vendor/resolution', show: ({ data }) => `${data.mode.text}\n` }],
    };
  },
};

export default withFaults(defineDriver(mdpy));
