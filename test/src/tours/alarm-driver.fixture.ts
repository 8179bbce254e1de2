/** An alarm: whatever is written to it rings, and is remembered wherever the device moves. */
import { MediatedError } from '@mediated/core';
import {
  DeviceInterrupts,
  defineDriver,
  MigrationMachine,
  ResumingStream,
  reportDriverError,
  SavingStream,
  type VfioDevice,
} from '@mediated/vfio';
import * as vfio from '@mediated/vfio/uapi';

const { stop: STOP, stopCopy: STOP_COPY, resuming: RESUMING } = vfio.MIGRATION_STATES;
const FLAGS = vfio.MIGRATION_FLAGS.stopCopy;

class Alarm {
  readonly interrupts: DeviceInterrupts;
  readonly migration = new MigrationMachine(FLAGS, this);
  rung = 0;
  #saving: SavingStream | undefined;
  #resuming: ResumingStream | undefined;

  constructor(device: VfioDevice<undefined>) {
    // One interrupt index with one interrupt, which masks itself when it is signalled.
    const report = (error: unknown) => reportDriverError(device, 'interrupts', error);
    this.interrupts = new DeviceInterrupts([{ count: 1, automasked: true }], report);
  }

  ring(): void {
    this.rung++;
    this.interrupts.raise(0);
  }

  /** One step between migration states; those that are not mentioned do nothing. */
  step(from: vfio.MigrationState, to: vfio.MigrationState) {
    if (from === STOP && to === STOP_COPY) {
      this.#saving = new SavingStream({ name: '[alarm]', isPreCopy: () => false });
      this.#saving.append(Uint8Array.of(this.rung));
      return this.#saving;
    }
    if (from === STOP && to === RESUMING) {
      this.#resuming = new ResumingStream({ name: '[alarm]', capacity: 1 });
      return this.#resuming;
    }
    if (from === RESUMING) {
      if (this.#resuming?.bytes.length !== 1) throw new MediatedError('EINVAL', 'one byte is wanted');
      this.rung = this.#resuming.bytes[0] as number;
    }
    if (from === STOP_COPY || from === RESUMING) this.endSessions();
    return undefined;
  }

  endSessions(): void {
    this.#saving?.end();
    this.#resuming?.end();
  }
}

export default defineDriver({
  name: 'alarm',
  deviceApi: 'vfio-platform',
  types: [{ sysfsName: 'bell' }],
  maxInstances: 8,
  start() {
    return {
      init: (device) => new Alarm(device),
      async closeDevice({ data }) {
        data.endSessions();
        await data.interrupts.close();
      },
      read({ data }, _position, into) {
        into[0] = data.rung;
        return 1;
      },
      write({ data }, _position, bytes) {
        data.ring();
        return bytes.length;
      },
      ioctl({ data }, command, argument, call) {
        switch (command) {
          case vfio.DEVICE_GET_IRQ_INFO:
            return data.interrupts.info(argument);
          case vfio.DEVICE_SET_IRQS:
            return data.interrupts.set(argument, call);
          case vfio.DEVICE_RESET:
            data.rung = 0;
            return data.migration.reset();
          default:
            throw new MediatedError('ENOTTY', `command ${command} is none of an alarm`);
        }
      },
      migration: {
        flags: FLAGS,
        setState: ({ data }, state) => data.migration.setState(state),
        getState: ({ data }) => data.migration.state,
        dataSize: () => 1,
      },
    };
  },
});
