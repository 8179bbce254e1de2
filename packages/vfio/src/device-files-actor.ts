/**
 * The actor that serves the device files of a driver on one of its threads. Started by the core beside the driver
 * (`VfioDriver.framework`), asked by `device-file.ts`.
 */
import { type BusHandle, MediatedError, ThreadBus } from '@mediated/core';
import { defineActor } from '@mediated/core/actor';
import { DeviceFiles } from './device-files.js';
import { deviceFilesProtocol } from './device-files-protocol.js';
import { FileOperations } from './file-operations.js';
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
    context.watch((thread) => files.abandon(thread));
    return {
      handlers: {
        open: (index, generation) => files.open(index, generation, context.sender),
        close: (file) => files.close(file, context.sender),
        read: (file, position, length) => operations.read(file, position, length, context.sender),
        write: (file, position, data) => operations.write(file, position, data, context.sender),
        ioctl: (file, command, argument) => operations.ioctl(file, command, argument, context.sender),
        ioctlWithFiles: (file, command, { argument, files: passed }) =>
          operations.ioctl(file, command, argument, context.sender, passed),
        mmap: (file, offset, length) => operations.mmap(file, offset, length, context.sender),
      },
      stop: () => files.closeAll(),
    };
  },
});
