/**
 * A driver and the devices bound to it, on the devices' thread: attach (spec/mdev-core 7.4) and detach (8.3, and the
 * `unbind` file). Called by the parent's shard, which decides when, and what becomes of the device otherwise. The BOUND
 * bit and its uevents are changed here. With a driver that does not wait, both are plain calls.
 */
import { MediatedError } from '../errors.js';
import type { BusMemory } from './bus-memory.js';
import * as channels from './channels.js';
import type { MdevDevice } from './device.js';
import { driverFailure, driverNonsense, isThenable } from './driver-call.js';
import { BOUND } from './layout.js';
import type { DriverInstance } from './thread-bus.js';
import { emitMdev } from './uevents.js';

/** A probe that has outlasted its deadline. */
export interface LateProbe {
  /** ETIMEDOUT: what the create fails with. */
  readonly error: MediatedError;
  /** Waits for the probe; one that succeeds after all is taken back. Then the driver has let go. Never rejects. */
  takeBack(): Promise<void>;
}

/** What wins against a probe when its time is over. */
const LATE = Symbol('late');

export class Binding {
  readonly #memory: BusMemory;
  readonly #instance: DriverInstance;
  /** The driver's interned name, for the bind event. */
  readonly #driverName: number;

  constructor(memory: BusMemory, instance: DriverInstance, driverName: number) {
    this.#memory = memory;
    this.#instance = instance;
    this.#driverName = driverName;
  }

  /**
   * Probes a device. Nothing, at once or promised: it is bound. What the driver throws, also when it is promised, is a
   * `MediatedError`; then the driver has nothing of the device any more. Only a late probe still has.
   */
  attach(device: MdevDevice): Promise<LateProbe | undefined> | undefined {
    if (channels.probeStarted.hasSubscribers) channels.probeStarted.publish(channels.deviceNotice(device));
    let result: unknown;
    try {
      result = this.#instance.driver.probe?.(device);
      if (isThenable(result)) return this.#awaitProbe(device, result);
    } catch (error) {
      throw this.#refused(device, error);
    }
    if (result !== undefined) return this.#refuseNonsense(device, result);
    this.#bound(device);
    return undefined;
  }

  /** Driver release: D.remove, then the unbind event. D.remove has no way to fail. */
  detach(device: MdevDevice): Promise<void> | undefined {
    if (channels.unbindStarted.hasSubscribers) channels.unbindStarted.publish(channels.deviceNotice(device));
    device.change(0, BOUND);
    try {
      const result = this.#instance.driver.remove?.(device);
      if (isThenable(result)) {
        device.detaching = Promise.resolve(result).then(
          () => this.#detached(device),
          (error) => {
            this.#report(device, error);
            this.#detached(device);
          },
        );
        return device.detaching;
      }
    } catch (error) {
      this.#report(device, error);
    }
    this.#detached(device);
    return undefined;
  }

  async #awaitProbe(device: MdevDevice, probe: PromiseLike<unknown>): Promise<LateProbe | undefined> {
    const { probeDeadline } = this.#memory.settings;
    let timer: NodeJS.Timeout | undefined;
    let value: unknown;
    try {
      if (probeDeadline === 0) value = await probe;
      else {
        const deadline = new Promise<typeof LATE>((resolve) => {
          timer = setTimeout(resolve, probeDeadline, LATE);
        });
        value = await Promise.race([probe, deadline]);
      }
    } catch (error) {
      throw this.#refused(device, error);
    } finally {
      clearTimeout(timer);
    }
    if (value === LATE) return this.#late(device, probe);
    if (value !== undefined) return this.#refuseNonsense(device, value);
    this.#bound(device);
    return undefined;
  }

  #bound(device: MdevDevice): void {
    device.change(BOUND, 0);
    emitMdev(this.#memory, 'bind', device.index, this.#driverName);
    if (channels.probeEnded.hasSubscribers) channels.probeEnded.publish(channels.deviceNotice(device));
  }

  #detached(device: MdevDevice): void {
    device.detaching = undefined;
    device.driverData = undefined;
    emitMdev(this.#memory, 'unbind', device.index, -1);
    if (channels.unbindEnded.hasSubscribers) channels.unbindEnded.publish(channels.deviceNotice(device));
  }

  #refused(device: MdevDevice, thrown: unknown): MediatedError {
    device.driverData = undefined;
    const error = driverFailure(this.#instance.name, 'probe', thrown);
    channels.probeEnded.publish({ ...channels.deviceNotice(device), error });
    return error;
  }

  /** A probe that returns something misunderstands the contract: it may have meant to fail, so it is taken back. */
  async #refuseNonsense(device: MdevDevice, result: unknown): Promise<never> {
    const { driver, name } = this.#instance;
    try {
      await driver.remove?.(device);
    } catch (error) {
      this.#report(device, error);
    }
    throw this.#refused(device, driverNonsense(name, 'probe', result, 'it returns nothing, or throws'));
  }

  #late(device: MdevDevice, probe: PromiseLike<unknown>): LateProbe {
    const { driver, name } = this.#instance;
    const text = `driver ${name} did not finish its probe within ${this.#memory.settings.probeDeadline} ms`;
    const error = new MediatedError('ETIMEDOUT', text, { syscall: 'probe' });
    channels.probeEnded.publish({ ...channels.deviceNotice(device), error });
    return {
      error,
      takeBack: async () => {
        try {
          await probe;
        } catch {
          // It failed after all, as its caller was told.
          return;
        }
        try {
          await driver.remove?.(device);
        } catch (error) {
          this.#report(device, error);
        }
      },
    };
  }

  #report(device: MdevDevice, error: unknown): void {
    channels.driverError.publish({ ...channels.deviceNotice(device), callback: 'remove', error });
  }
}
