/**
 * The actor that serves the device files of a driver on one of its threads. Started by the core beside the driver
 * (`VfioDriver.framework`), asked by `device-file.ts`.
 */
import { type BusHandle, frameworkActor, MediatedError, ThreadBus } from '@mediated/core';
import { ActorRef, defineActor } from '@mediated/core/actor';
import { controlProtocol } from './control/control-protocol.js';
import { DeviceFiles } from './device-files.js';
import { deviceFilesProtocol } from './device-files-protocol.js';
import { FileOperations } from './file-operations.js';
import { PeerSteps } from './peer-steps.js';
import { VfioDriver } from './vfio-driver.js';

/** What the core starts a framework's actor with. */
interface FrameworkOptions {
  readonly bus: BusHandle;
  readonly driver: string;
}

export const deviceFilesActor = defineActor({
  module: import.meta.url,
  name: 'deviceFilesActor',
  protocol: deviceFilesProtocol,
  start(context, options: FrameworkOptions) {
    const bus = ThreadBus.open(options.bus);
    const driver = bus.drivers.get(options.driver)?.driver;
    if (!(driver instanceof VfioDriver)) {
      throw new MediatedError('EINVAL', `driver ${options.driver} is none of this copy of @mediated/vfio`);
    }
    const files = new DeviceFiles(bus, driver, context.endpoint.life);
    const operations = new FileOperations(files, driver);
    driver.files = operations;
    const controlHandle = () => frameworkActor(bus.memory);
    driver.control = () => {
      const handle = controlHandle();
      return handle === undefined ? undefined : new ActorRef(context.endpoint, handle, controlProtocol);
    };
    const steps = new PeerSteps(context, bus, driver);
    context.watch((thread) => {
      if (thread === controlHandle()?.thread) files.lose();
      files.abandon(thread);
    });
    return {
      handlers: {
        open: (index, generation) => files.open(index, generation, context.sender),
        close: (file) => files.close(file, context.sender),
        read: (file, position, length) => operations.read(file, position, length, context.sender),
        write: (file, position, data) => operations.write(file, position, data, context.sender),
        ioctl: (file, command, argument) => operations.ioctl(file, command, argument, context.sender),
        ioctlWithFiles: (file, command, { argument, files: passed }) =>
          operations.ioctl(file, command, argument, context.sender, passed),
        mmap: (file, offset, length, access) => operations.mmap(file, offset, length, access, context.sender),
        size: (file) => operations.size(file, context.sender),
        openNode: (index, generation) => files.openNode(index, generation, context.sender),
        interrupt(index, generation) {
          const mdev = bus.device(index, generation);
          return mdev !== undefined && driver.interruptRemoval(mdev, context.sender);
        },
        setKvm: (file, kvm) => files.setKvm(file, kvm, context.sender),
        step: (index, generation, step) => steps.serve(index, generation, step),
        match: (index, generation, name) => files.match(index, generation, name),
        openOfGroup: (index, generation, request) => files.openOfGroup(index, generation, request),
        closeFor: async (file, owner) => {
          await files.close(file, owner);
        },
        shareSegment: (space, segment) => files.spaces.share(space, segment),
        dropSegment: (space, segment) => files.spaces.drop(space, segment),
        dmaUnmap: (space, { iova, size }) => files.spaces.unmapped(space, iova, size),
        pinFile: (file, owner, kvm) => files.pin(file, owner, kvm),
        unpinFile: (file) => files.unpin(file),
      },
      stop: () => files.closeAll(),
    };
  },
});
