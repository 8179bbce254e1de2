/**
 * The actor's side of `device-peers.ts`: steps for this thread's devices, and the way to those of others. Made by the
 * device files' actor.
 */
import { isThenable, MediatedError, type ThreadBus } from '@mediated/core';
import { type ActorContext, ActorRef } from '@mediated/core/actor';
import { deviceFilesProtocol } from './device-files-protocol.js';
import type { VfioDriver } from './vfio-driver.js';

/** Connects a driver with its peers; serves their steps. */
export class PeerSteps {
  readonly #context: ActorContext;
  readonly #bus: ThreadBus;
  readonly #driver: VfioDriver<unknown>;

  constructor(context: ActorContext, bus: ThreadBus, driver: VfioDriver<unknown>) {
    this.#context = context;
    this.#bus = bus;
    this.#driver = driver;
    driver.operations.connect?.({
      own: { thread: context.thread, actor: context.id },
      step: ({ thread, actor }, index, generation, step) =>
        new ActorRef(context.endpoint, { thread, actor }, deviceFilesProtocol).ask('step', index, generation, step),
    });
    context.watch((thread) => driver.operations.threadEnded?.(thread));
  }

  /** ENODEV: there is no such device (any more), or its driver does no steps. */
  serve(index: number, generation: number, step: number): number | Promise<number> {
    const { sender } = this.#context;
    const mdev = this.#bus.device(index, generation);
    const device = mdev === undefined ? undefined : this.#driver.deviceOf(mdev);
    const { operations } = this.#driver;
    if (device === undefined || operations.step === undefined) {
      throw new MediatedError('ENODEV', 'there is no such device', { syscall: 'step' });
    }
    const result = operations.step(device, step, sender);
    return isThenable(result) ? Promise.resolve(result) : result;
  }
}
