/**
 * Migration of a card: the steps of its states and its data files (mtty section 8). Called by the driver on the device's
 * thread; every step runs to its end without a pause.
 */
import { MediatedError } from '@mediated/core';
import { MigrationMachine, ResumingStream, SavingStream } from '@mediated/vfio';
import { MIGRATION_FLAGS, MIGRATION_STATES, type MigrationState } from '@mediated/vfio/uapi';
import { encodeHeader, encodePorts, HEADER_BYTES, imageBytes, isHeaderOf, loadPorts } from './image.js';
import type { Uart } from './uart.js';

const {
  stop: STOP,
  stopCopy: STOP_COPY,
  resuming: RESUMING,
  preCopy: PRE_COPY,
  preCopyP2p: PRE_COPY_P2P,
} = MIGRATION_STATES;
export const FLAGS = MIGRATION_FLAGS.stopCopy | MIGRATION_FLAGS.p2p | MIGRATION_FLAGS.preCopy;

const NAME = '[mtty-migration]';

/** Where a card is saved: a session that begins in pre-copy goes on in STOP_COPY. */
const isSaving = (state: number) => state === PRE_COPY || state === PRE_COPY_P2P || state === STOP_COPY;

/** Migration state and open session of one card. */
export class MttyMigration {
  readonly #ports: readonly Uart[];
  readonly #machine: MigrationMachine;
  readonly #quirks: boolean;
  #saving: SavingStream | undefined;
  #resuming: ResumingStream | undefined;

  /** `ports`: those that the card has, and no hidden one. `quirks`: an image that was refused can be loaded, as in Linux. */
  constructor(ports: readonly Uart[], quirks: boolean) {
    this.#ports = ports;
    this.#quirks = quirks;
    this.#machine = new MigrationMachine(FLAGS, {
      step: (from, to) => this.#step(from, to),
      endSessions: () => this.endSessions(),
    });
  }

  get state(): MigrationState {
    return this.#machine.state;
  }

  /** Always the whole image, in every state. */
  get dataSize(): number {
    return imageBytes(this.#ports.length);
  }

  setState(state: number): ReturnType<MigrationMachine['setState']> {
    return this.#machine.setState(state);
  }

  /** Back to RUNNING, without data files. */
  reset(): void {
    this.#machine.reset();
  }

  /** What is open of data files answers ENODEV from now on. The state stays. */
  endSessions(): void {
    this.#saving?.end();
    this.#resuming?.end();
    this.#saving = undefined;
    this.#resuming = undefined;
  }

  #step(from: MigrationState, to: MigrationState): SavingStream | ResumingStream | undefined {
    if (isSaving(to)) return this.#save(from, to);
    if (isSaving(from)) this.endSessions();
    if (to === RESUMING) return this.#openResuming();
    if (from === RESUMING && to === STOP) this.#load();
  }

  /** A file is opened when the session begins. Pre-copy gives the header, STOP_COPY the ports, and before them the header. */
  #save(from: MigrationState, to: MigrationState): SavingStream | undefined {
    const begun = this.#saving;
    if (isSaving(from) && to !== STOP_COPY) return;
    this.#saving ??= this.#openSaving();
    if (to === STOP_COPY) this.#saving.append(encodePorts(this.#ports));
    return begun === undefined ? this.#saving : undefined;
  }

  #openSaving(): SavingStream {
    const isPreCopy = () => this.state === PRE_COPY || this.state === PRE_COPY_P2P;
    // A reader that has all of pre-copy is at an end, not at a pause (quirk).
    const stream = new SavingStream({ name: NAME, isPreCopy, whenDrained: 'end' });
    stream.append(encodeHeader(this.#ports.length), true);
    return stream;
  }

  /** The write that completes the header fails if that is another card's; its bytes count all the same (quirk). */
  #openResuming(): ResumingStream {
    const ports = this.#ports.length;
    this.#resuming = new ResumingStream({
      name: NAME,
      capacity: imageBytes(ports),
      received(bytes, before) {
        if (before >= HEADER_BYTES || bytes.length < HEADER_BYTES || isHeaderOf(ports, bytes)) return;
        throw new MediatedError('EFAULT', `no image of a card with ${ports} ports`, { syscall: 'write' });
      },
    });
    return this.#resuming;
  }

  /** An image that is not whole leaves the session as it is. */
  #load(): void {
    const image = this.#resuming?.bytes;
    if (image === undefined || image.length < this.dataSize) {
      throw invalid(`${image?.length ?? 0} of ${this.dataSize} bytes were written`);
    }
    if (!this.#quirks && !isHeaderOf(this.#ports.length, image))
      throw invalid('what was written is no image of this card');
    loadPorts(this.#ports, image);
    this.endSessions();
  }
}

function invalid(message: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall: 'ioctl' });
}
