/** A scratchpad: a device that is nothing but memory, in pages of a budget that all scratchpads share. */
import { MediatedError } from '@mediated/core';
import { defineDriver } from '@mediated/vfio';
import * as vfio from '@mediated/vfio/uapi';

const PAGE = 4096;
const PAGES = 64;

export default defineDriver({
  name: 'scratchpad',
  deviceApi: 'vfio-platform',
  types: [
    { sysfsName: 'small', prettyName: '1 page' },
    { sysfsName: 'large', prettyName: '16 pages' },
  ],
  shared: { pages: { budget: PAGES } },

  start({ shared: { pages } }) {
    const pagesOf = (type: { sysfsName: string }) => (type.sysfsName === 'small' ? 1 : 16);

    return {
      getAvailable: (type) => Math.floor(pages.value / pagesOf(type)),

      init(device) {
        const wanted = pagesOf(device.type);
        if (!pages.tryAcquire(wanted)) throw new MediatedError('ENOSPC', `no ${wanted} pages are free`);
        return new Uint8Array(new SharedArrayBuffer(wanted * PAGE));
      },
      release({ data }) {
        pages.release(data.length / PAGE);
      },
      closeDevice({ data }) {
        data.fill(0);
      },

      read({ data }, position, into) {
        into.set(data.subarray(position, position + into.length));
        return Math.max(0, Math.min(into.length, data.length - position));
      },
      write({ data }, position, bytes) {
        if (position + bytes.length > data.length) throw new MediatedError('EFAULT', 'behind the last page');
        data.set(bytes, position);
        return bytes.length;
      },
      mmap: ({ data }, offset, length) => data.subarray(offset, offset + length),

      ioctl({ data }, command, argument) {
        switch (command) {
          case vfio.DEVICE_GET_INFO:
            vfio.readArgument(vfio.deviceInfo, argument, vfio.DEVICE_INFO_BYTES);
            vfio.deviceInfo.encode(argument, { flags: vfio.DEVICE_FLAGS.platform, num_regions: 1, num_irqs: 0 });
            return;
          case vfio.DEVICE_GET_REGION_INFO: {
            const { index } = vfio.readArgument(vfio.regionInfo, argument, vfio.REGION_INFO_BYTES);
            if (index !== 0) throw new MediatedError('EINVAL', `there is no region ${index}`);
            vfio.regionInfo.encode(argument, { flags: 7, size: BigInt(data.length), offset: 0n });
            return;
          }
          default:
            throw new MediatedError('ENOTTY', `command ${command} is none of a scratchpad`);
        }
      },

      attributes: [{ path: 'scratchpad/bytes', show: ({ data }) => `${data.length}\n` }],
    };
  },
});
