/**
 * A file of the control actor as a client thread has it: a group's, a container, an iommufd context, a virtual machine.
 * Belongs to the thread that opened it; what a thread leaves open is closed when it ends or leaves the bus.
 */
import { type Bus, frameworkActor, isMediatedError, MediatedError } from '@mediated/core';
import type { ActorRef, ArgsOf, AskNames, ReplyOf } from '@mediated/core/actor';
import { type ControlMessages, controlProtocol } from '../control/control-protocol.js';
import { type Operation, perform, performSync, put } from './operation.js';

/** The control actor of a bus. ENODEV: no vfio driver is loaded. */
export function controlOf(bus: Bus): ActorRef<ControlMessages> {
  const handle = frameworkActor(bus.memory);
  if (handle !== undefined) return bus.client.ref(handle, controlProtocol);
  throw new MediatedError('ENODEV', 'no vfio driver is loaded', { syscall: 'open' });
}

/** A message to the control actor as a step of an operation. An actor that has stopped is as dead as one that died. */
export function* askControl<K extends AskNames<ControlMessages>>(
  control: ActorRef<ControlMessages>,
  name: K,
  ...args: ArgsOf<ControlMessages, K>
): Operation<ReplyOf<ControlMessages, K>> {
  try {
    return yield* put({ ask: () => control.ask(name, ...args), askSync: () => control.askSync(name, ...args) });
  } catch (error) {
    if (!isMediatedError(error, 'ESHUTDOWN')) throw error;
    throw new MediatedError('EIO', `${name}: the control actor has stopped`, { syscall: name, cause: error });
  }
}

/**
 * An open file of the control actor. Every operation fails with EBADF after `close` and with EIO when the control thread
 * has died. `...Sync` forms block; they are for threads that host no actor (EDEADLK).
 */
export abstract class ControlFile {
  readonly bus: Bus;
  /** @internal */
  readonly number: number;
  /** @internal */
  protected readonly control: ActorRef<ControlMessages>;
  #closed = false;

  constructor(bus: Bus, control: ActorRef<ControlMessages>, number: number) {
    this.bus = bus;
    this.control = control;
    this.number = number;
  }

  /** Closes the file. Closing again, or after EIO, does nothing. */
  close(): Promise<void> {
    return perform(this.#close());
  }

  closeSync(): void {
    performSync(this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [Symbol.dispose](): void {
    this.closeSync();
  }

  /** @internal A message about this file. EBADF when it is closed. */
  protected *ask<K extends AskNames<ControlMessages>>(
    name: K,
    ...args: ArgsOf<ControlMessages, K>
  ): Operation<ReplyOf<ControlMessages, K>> {
    this.assertOpen(name);
    return yield* askControl(this.control, name, ...args);
  }

  /** @internal */
  protected assertOpen(syscall: string): void {
    if (this.#closed) throw new MediatedError('EBADF', 'this file is closed', { syscall });
  }

  *#close(): Operation<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      yield* askControl(this.control, 'close', this.number);
    } catch (error) {
      if (!isMediatedError(error, 'EIO')) throw error;
    }
  }
}
