/**
 * Carries out the steps of one user on its client's thread, blocking as a system call does or awaiting, and counts how
 * they end. Both forms do the same; they differ in the calls.
 */
import { type Bus, type Mdev, MediatedError } from '@mediated/core';
import { openDevice, openDeviceSync } from '@mediated/vfio';
import { assertIdentity, type HeldFiles, identityOf, scratchOf } from './held-files.js';
import { codeOf } from './outcome.js';
import type { Step } from './user.js';

/** Told of every step's end: `code` is undefined when it was done. */
export type Recorder = (step: Step, code: string | undefined, error: unknown) => void;

/** Forms of an access. */
const READ = 0;
const WRITE = 1;
/** VFIO_DEVICE_RESET: every device takes it. */
const DEVICE_RESET = 0x3b6f;
const SCRATCH = Uint8Array.of(0x5a);

export class Performer {
  readonly #bus: Bus;
  readonly #files: HeldFiles;
  readonly #record: Recorder;

  constructor(bus: Bus, files: HeldFiles, record: Recorder) {
    this.#bus = bus;
    this.#files = files;
    this.#record = record;
  }

  /** Files that the user has open now. */
  get files(): number {
    return this.#files.length;
  }

  /** Blocks until the step has ended. Never throws. */
  performSync(step: Step): void {
    let refusal: unknown;
    try {
      this.#doSync(step);
    } catch (error) {
      refusal = error ?? new Error('undefined was thrown');
    }
    this.#record(step, refusal === undefined ? undefined : codeOf(refusal), refusal);
  }

  /** Resolves when the step has ended. Never rejects. */
  async perform(step: Step): Promise<void> {
    let refusal: unknown;
    try {
      await this.#do(step);
    } catch (error) {
      refusal = error ?? new Error('undefined was thrown');
    }
    this.#record(step, refusal === undefined ? undefined : codeOf(refusal), refusal);
  }

  #doSync(step: Step): void {
    switch (step.operation) {
      case 'create':
        this.#bus.parent(step.parent).createSync(step.type, step.uuid);
        return;
      case 'open': {
        const mdev = this.#device(step.uuid);
        this.#files.add({ file: openDeviceSync(this.#bus, mdev), mdev });
        return;
      }
      case 'access': {
        const held = this.#files.at(step.file);
        const { position, bytes } = identityOf(held);
        if (step.form === READ) assertIdentity(held, held.file.readSync(position, bytes.length));
        else if (step.form === WRITE) held.file.writeSync(scratchOf(held), SCRATCH);
        else held.file.ioctlSync(DEVICE_RESET);
        return;
      }
      case 'close': {
        const held = this.#files.at(step.file);
        this.#files.drop(held);
        held.file.closeSync();
        return;
      }
      case 'remove':
        this.#device(step.uuid).removeSync();
        return;
      case 'remove file':
        this.#removable(step.uuid).storeRemoveSync();
    }
  }

  async #do(step: Step): Promise<void> {
    switch (step.operation) {
      case 'create':
        await this.#bus.parent(step.parent).create(step.type, step.uuid);
        return;
      case 'open': {
        const mdev = this.#device(step.uuid);
        this.#files.add({ file: await openDevice(this.#bus, mdev), mdev });
        return;
      }
      case 'access': {
        const held = this.#files.at(step.file);
        const { position, bytes } = identityOf(held);
        if (step.form === READ) assertIdentity(held, await held.file.read(position, bytes.length));
        else if (step.form === WRITE) await held.file.write(scratchOf(held), SCRATCH);
        else await held.file.ioctl(DEVICE_RESET);
        return;
      }
      case 'close': {
        const held = this.#files.at(step.file);
        this.#files.drop(held);
        await held.file.close();
        return;
      }
      case 'remove':
        await this.#device(step.uuid).remove();
        return;
      case 'remove file':
        await this.#removable(step.uuid).storeRemove();
    }
  }

  #device(uuid: string): Mdev {
    const mdev = this.#bus.mdev(uuid);
    if (mdev === undefined) throw new MediatedError('ENOENT', `there is no device ${uuid}`);
    return mdev;
  }

  #removable(uuid: string): Mdev {
    const mdev = this.#device(uuid);
    if (!mdev.presence.remove) throw new MediatedError('ENOENT', `device ${uuid} has no remove file`);
    return mdev;
  }
}
