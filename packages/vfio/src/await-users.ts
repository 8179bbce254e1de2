/**
 * The wait of unregistration for a device's users (spec/vfio-core section 4, steps 5 and 6). Runs on the device's
 * thread; what it waits for is the registration count, a shared word that any thread may bring to zero.
 */
import type { Clock } from './clock.js';
import type { VfioDevice } from './device.js';
import { reportDriverError } from './driver-report.js';
import { publishInUse } from './file-channels.js';
import type { DeviceOperations } from './operations.js';

/** Milliseconds between two requests. */
const REQUEST_INTERVAL = 10_000;

/** A removal that waits for a device's users. */
export class AwaitedUsers<Data> {
  /** Resolves when the last of them is gone. */
  readonly gone: Promise<void>;
  readonly #device: VfioDevice<Data>;
  readonly #operations: DeviceOperations<Data>;
  readonly #clock: Clock;
  #cancel = () => {};
  /** Number of the next request. */
  #next = 0;
  #interrupted = false;

  /** Asks the driver at once, and then again and again, to have the device let go. */
  constructor(device: VfioDevice<Data>, operations: DeviceOperations<Data>, clock: Clock) {
    this.#device = device;
    this.#operations = operations;
    this.#clock = clock;
    this.#ask();
    this.gone = device.references.zero().then(() => this.#cancel());
  }

  /**
   * What a signal does to the task that waits: the first one has it warn that it is blocked and ask the driver again at
   * once, and from then on it does not hear signals. False: it had been interrupted before.
   */
  interrupt(client: number): boolean {
    if (this.#interrupted) return false;
    this.#interrupted = true;
    publishInUse(this.#device, client);
    this.#cancel();
    this.#ask();
    return true;
  }

  #ask(): void {
    this.#request(this.#next++);
    this.#cancel = this.#clock.after(REQUEST_INTERVAL, () => this.#ask());
  }

  #request(count: number): void {
    const report = (error: unknown) => reportDriverError(this.#device, 'request', error);
    try {
      const result = this.#operations.request?.(this.#device, count);
      if (result instanceof Promise) result.catch(report);
    } catch (error) {
      report(error);
    }
  }
}
