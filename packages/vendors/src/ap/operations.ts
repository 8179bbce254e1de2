/**
 * The callbacks of vfio_ap on one of its threads. Called by `driver.ts` with the AP bus, and with where a device's pages
 * are pinned.
 */
import { MediatedError } from '@mediated/core';
import type { DeviceOperations, VfioDevice } from '@mediated/vfio';
import { DEVICE_GET_INFO, DEVICE_GET_IRQ_INFO, DEVICE_RESET, DEVICE_SET_IRQS } from '@mediated/vfio/uapi';
import { type ApMemory, MAX_MATRICES } from './ap-memory.js';
import { attach, detach, dissolve } from './attachment.js';
import { attributes } from './attributes.js';
import { exclusively } from './exclusive.js';
import { MatrixDevice } from './matrix-device.js';
import { MatrixRecord } from './matrix-record.js';
import type { PageAccess } from './pins.js';
import { GUEST_PQAP } from './pqap.js';

/** Unpins, on a thread of the driver, what other threads have ended, as long as the driver runs. */
async function follow(ap: ApMemory, devices: ReadonlySet<MatrixDevice>, stop: AbortSignal): Promise<void> {
  for (let seen = ap.news; !stop.aborted; ) {
    await ap.announced(seen);
    seen = ap.news;
    for (const device of devices) device.pins.settle();
  }
}

export function apOperations(
  ap: ApMemory,
  accessOf: (device: VfioDevice<unknown>) => PageAccess,
): DeviceOperations<MatrixDevice> {
  const devices = new Set<MatrixDevice>();
  const stop = new AbortController();
  void follow(ap, devices, stop.signal);
  return {
    async init(device: VfioDevice<undefined>) {
      const { index, generation } = device.mdev;
      const record = await exclusively(ap, () => MatrixRecord.allocate(ap, index, generation));
      if (record === undefined) throw new MediatedError('ENOMEM', `there are ${MAX_MATRICES} devices`);
      const made = new MatrixDevice(ap, record, accessOf(device));
      devices.add(made);
      return made;
    },
    async release({ data }) {
      await data.alone(dissolve);
      devices.delete(data);
    },
    openDevice: ({ data, kvm }) => data.alone((memory, record) => attach(memory, record, kvm)),
    closeDevice: ({ data }) => data.alone(detach),
    ioctl({ data }, command, argument, call) {
      switch (command) {
        case DEVICE_GET_INFO:
          return data.getInfo(argument);
        case DEVICE_GET_IRQ_INFO:
          return data.getIrqInfo(argument);
        case DEVICE_SET_IRQS:
          return data.setIrqs(argument, call);
        case DEVICE_RESET:
          return data.reset();
        case GUEST_PQAP:
          return data.pqap(argument);
        default:
          throw new MediatedError('EOPNOTSUPP', `no command 0x${command.toString(16)}`, { syscall: 'ioctl' });
      }
    },
    dmaUnmap: ({ data }, iova, size) => data.dmaUnmap(iova, size),
    request: ({ data }, count) => data.request(count),
    attributes,
    parentAttributes: [{ path: 'features', show: () => 'guest_matrix hotplug ap_config\n' }],
    stop() {
      stop.abort();
      ap.announce();
    },
  };
}
