/**
 * The storm's own driver: writes down every callback (`audit.ts`) and answers reads with the device's identity. Loaded
 * by `bench.ts` on several threads. Devices of the type `plain` do everything at once, those of `late` let other
 * messages pass in init, openDevice, closeDevice and release, and some of `faulty` fail in init.
 */
import { MediatedError } from '@mediated/core';
import { defineDriver, type VfioDevice } from '@mediated/vfio';
import { Audit, type AuditHandle } from './audit.js';
import { STORM_DRIVER, STORM_MAXIMUM, STORM_TYPES } from './storm-driver.js';

/** Turns of the event loop that a `late` device lets pass. */
const LATE_TURNS = 3;

async function letPass(): Promise<void> {
  for (let turn = 0; turn < LATE_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}

// biome-ignore lint/style/noDefaultExport: a driver module's default export is the driver.
export default defineDriver({
  name: STORM_DRIVER,
  deviceApi: 'vfio-pci',
  types: STORM_TYPES.map((sysfsName) => ({ sysfsName })),
  maxInstances: STORM_MAXIMUM,
  start(host) {
    const audit = Audit.from(host.options as AuditHandle);
    let inits = 0;

    /** Runs what a callback writes down, at once or late, between the marks that it runs. */
    function observe<R>(device: VfioDevice<unknown>, note: () => R): R | Promise<R> {
      const leave = audit.enter(device.type.parent, device.index);
      if (device.type.sysfsName !== 'late') {
        try {
          return note();
        } finally {
          leave();
        }
      }
      return letPass().then(note).finally(leave);
    }

    return {
      init(device) {
        if (device.type.sysfsName === 'faulty' && inits++ % 3 === 0) {
          throw new MediatedError('ENOSPC', 'every third faulty device fails', { syscall: 'init' });
        }
        const { uuid } = device;
        return observe(device, () => audit.initialized(device.type.parent, device.index, uuid));
      },
      release: (device) => observe(device, () => audit.released(device.type.parent, device.index, device.uuid)),
      openDevice: (device) => observe(device, () => audit.opened(device.index)),
      closeDevice: (device) => observe(device, () => audit.closed(device.index)),
      read(device, position, into) {
        audit.accessed(device.index);
        const identity = new Int32Array([device.index, device.mdev.generation]);
        const bytes = new Uint8Array(identity.buffer).subarray(position, position + into.length);
        into.set(bytes);
        return bytes.length;
      },
      write(device, _position, bytes) {
        audit.accessed(device.index);
        return bytes.length;
      },
      ioctl(device, command) {
        audit.accessed(device.index);
        return command & 0xff;
      },
    };
  },
});
