/**
 * The life cycle of mdpy only: its types, its quota of four per parent that the core keeps, its description and its
 * vendor attribute, as recorded. The display itself is not here; the oracle replayer asks for none of it.
 */
import { defineDriver } from '@mediated/vfio';

const SIZES = { vga: '640x480', xga: '1024x768', hd: '1920x1080' } as const;

function sizeOf(type: string): string {
  return SIZES[type as keyof typeof SIZES];
}

export default defineDriver({
  name: 'mdpy',
  deviceApi: 'vfio-pci',
  types: Object.keys(SIZES).map((sysfsName) => ({ sysfsName })),
  maxInstances: 4,
  start: () => ({
    showDescription: (type) => `virtual display, ${sizeOf(type.sysfsName)} framebuffer\n`,
    attributes: [{ path: 'vendor/resolution', show: (device) => `${sizeOf(device.type.sysfsName)}\n` }],
  }),
});
