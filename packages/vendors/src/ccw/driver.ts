/**
 * vfio-ccw, I/O subchannels of a mainframe as mediated devices (spec/ccw). Loaded by `runtime.loadDriver(ccwUrl)`; each
 * parent is a subchannel with an emulated disk and has one mdev at most. Everything of a device happens on the thread of
 * its subchannel; long channel programs are planned by a workqueue (`long-programs.ts`).
 */
import { MediatedError } from '@mediated/core';
import { defineDriver } from '@mediated/vfio';
import { withFaults } from '../faults/with-faults.js';
import { readRegion, writeRegion } from './access.js';
import { SCHIB } from './architected.js';
import { parentAttributes } from './attributes.js';
import { ChannelSubsystem } from './channel-subsystem.js';
import { diskBytes } from './emulation/disk.js';
import { ioctl } from './ioctls.js';
import { closeDevice, dmaUnmap, openDevice, shutDown } from './life.js';
import { LongPrograms } from './long-programs.js';
import { type CcwSetup, readOptions } from './options.js';
import { CcwPrivate, type Surroundings } from './private.js';
import { Warnings } from './warnings.js';
import { Works } from './works.js';

const ccw = defineDriver({
  name: 'vfio_ccw',
  deviceApi: 'vfio-ccw',
  types: [{ sysfsName: 'io', prettyName: 'I/O subchannel (Non-QDIO)' }],
  maxInstances: 1,
  configure(options) {
    const setup = readOptions(options);
    const names = Object.keys(setup.subchannels).filter((name) => !setup.subchannels[name].qdio);
    return {
      options: setup,
      perParent: { memory: { disk: diskBytes(setup.geometry), thread: 4 } },
      parents: names.map((name) => ({ name, path: `/devices/css0/${name}`, subsystem: 'css' })),
    };
  },
  start({ options, shard }) {
    const subsystem = new ChannelSubsystem(options as CcwSetup, shard, setImmediate);
    const longPrograms = new LongPrograms();
    const surroundings: Surroundings = {
      works: new Works(),
      planner: (request) => longPrograms.plan(request),
      after(milliseconds, callback) {
        const timer = setTimeout(callback, milliseconds);
        return () => clearTimeout(timer);
      },
    };
    const privates = new Set<CcwPrivate>();

    return {
      init(device) {
        const { subchannel } = subsystem.of(device.type.parentDevice);
        subchannel.refresh();
        if (SCHIB.get(subchannel.schib, 'qdio') !== 0) {
          throw new MediatedError('ENODEV', `${subchannel.name} is for queued direct I/O`, { syscall: 'create' });
        }
        const warnings = new Warnings({ uuid: device.uuid, parent: device.type.parent }, () => performance.now());
        const created = new CcwPrivate(subchannel, device.dma, surroundings, warnings);
        subchannel.user = created;
        privates.add(created);
        return created;
      },
      async release({ data }) {
        data.subchannel.user = undefined;
        privates.delete(data);
        await data.release();
      },
      openDevice: ({ data }) => openDevice(data),
      closeDevice: ({ data }) => closeDevice(data),
      read: ({ data }, position, into) => readRegion(data, position, into),
      write: ({ data }, position, bytes) => writeRegion(data, position, bytes),
      ioctl: ({ data }, command, argument, call) => ioctl(data, command, argument, call),
      request: ({ data }) => data.request(),
      dmaUnmap: ({ data }, iova, size) => dmaUnmap(data, iova, size),
      parentAttributes: parentAttributes((parent) => subsystem.of(parent)),
      async stop() {
        for (const remaining of privates) await shutDown(remaining);
        await longPrograms.close();
      },
    };
  },
});

export default withFaults(ccw);
