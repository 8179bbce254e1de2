/** An adder: it sums numbers that lie in its program's memory, writes the sum there, interrupts, and counts its jobs. */
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
/** A write to the device: where the numbers are, how many, and where the sum goes. */
const job = vfio.defineStruct([
  ['numbers', 'u64'],
  ['sum', 'u64'],
  ['count', 'u32'],
]);

class Adder {
  readonly interrupts: DeviceInterrupts;
  readonly migration = new MigrationMachine(FLAGS, this);
  jobs = 0;
  #saving: SavingStream | undefined;
  #resuming: ResumingStream | undefined;

  constructor(device: VfioDevice<undefined>) {
    this.interrupts = new DeviceInterrupts([{ count: 1 }], (error) => reportDriverError(device, 'interrupts', error));
  }

  step(from: vfio.MigrationState, to: vfio.MigrationState) {
    if (from === STOP && to === STOP_COPY) {
      this.#saving = new SavingStream({ name: '[adder]', isPreCopy: () => false });
      this.#saving.append(Uint8Array.of(this.jobs));
      return this.#saving;
    }
    if (from === STOP && to === RESUMING) {
      this.#resuming = new ResumingStream({ name: '[adder]', capacity: 1 });
      return this.#resuming;
    }
    if (from === RESUMING) {
      if (this.#resuming?.bytes.length !== 1) throw new MediatedError('EINVAL', 'one byte is wanted');
      this.jobs = this.#resuming.bytes[0] as number;
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
  name: 'adder',
  deviceApi: 'vfio-platform',
  types: [{ sysfsName: '1' }],
  maxInstances: 8,
  start: () => ({
    init: (device) => new Adder(device),
    async closeDevice({ data }) {
      data.endSessions();
      await data.interrupts.close();
    },
    read({ data }, _position, into) {
      into[0] = data.jobs;
      return 1;
    },
    write({ data, dma }, _position, bytes) {
      const { numbers, sum, count } = job.decode(bytes);
      const values = new Uint32Array(count);
      dma.read(numbers, new Uint8Array(values.buffer));
      const total = values.reduce((a, b) => a + b, 0);
      dma.write(sum, new Uint8Array(Uint32Array.of(total).buffer));
      data.jobs++;
      data.interrupts.raise(0);
      return bytes.length;
    },
    ioctl({ data }, command, argument, call) {
      if (command === vfio.DEVICE_GET_IRQ_INFO) return data.interrupts.info(argument);
      if (command === vfio.DEVICE_SET_IRQS) return data.interrupts.set(argument, call);
      throw new MediatedError('ENOTTY', `command ${command} is none of an adder`);
    },
    migration: {
      flags: FLAGS,
      setState: ({ data }, state) => data.migration.setState(state),
      getState: ({ data }) => data.migration.state,
      dataSize: () => 1,
    },
  }),
});

export { job };
