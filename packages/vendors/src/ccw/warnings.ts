/**
 * What a device has to say to whoever looks after the machine: published on a diagnostics channel, `mediated:ccw:warning`
 * with `{ uuid, parent, message }`, on the device's thread. One per device.
 */
import { channel } from 'node:diagnostics_channel';

const warnings = channel('mediated:ccw:warning');

/** Milliseconds between two warnings of the kind that comes often. */
const RARELY = 5000;

export class Warnings {
  readonly #device: { readonly uuid: string; readonly parent: string };
  /** Milliseconds since any fixed moment. */
  readonly #now: () => number;
  readonly #said = new Set<string>();
  #last = Number.NEGATIVE_INFINITY;

  constructor(device: { readonly uuid: string; readonly parent: string }, now: () => number) {
    this.#device = device;
    this.#now = now;
  }

  /** The first time only. */
  once(message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.#publish(message);
  }

  /** At most one every five seconds. */
  rarely(message: string): void {
    const now = this.#now();
    if (now - this.#last < RARELY) return;
    this.#last = now;
    this.#publish(message);
  }

  #publish(message: string): void {
    if (warnings.hasSubscribers) warnings.publish({ ...this.#device, message });
  }
}
