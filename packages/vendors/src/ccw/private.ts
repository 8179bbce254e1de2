/**
 * What the driver keeps of one mdev, from probe to release (ccw section 1): state, regions, channel program, channel
 * reports, interrupts, work. Made by the driver's `init`; lives on the device's thread.
 *
 * The io mutex protects the I/O and command regions and the channel program, across awaits. Everything else is touched
 * only between awaits. `reset` orders resets of one device among themselves: openings, closes, RESET, unmapping.
 */
import { ERRNO, type ErrnoName } from '@mediated/core';
import { Mutex } from 'async-mutex';
import { ACTIVITY, CRW, CRW_SOURCE_PATH, IRB_BYTES, SCSW, STATUS } from './architected.js';
import { writeWord } from './bits.js';
import { ChannelProgram, type Planner } from './channel-program.js';
import type { GuestMemory } from './guest-memory.js';
import { CcwInterrupts, IRQ_IO, IRQ_REPORT, IRQ_REQUEST } from './interrupts.js';
import { COMMAND_REGION, IO_REGION, REGIONS } from './regions.js';
import { raise, type State } from './state-machine.js';
import type { Subchannel, SubchannelUser } from './subchannel.js';
import type { Warnings } from './warnings.js';
import type { Work, Works } from './works.js';

/** Calls `callback` once, `milliseconds` from now; returns how to call it off. */
export type After = (milliseconds: number, callback: () => void) => () => void;

/** What privates of one thread share. */
export interface Surroundings {
  readonly works: Works;
  readonly planner: Planner;
  readonly after: After;
}

export class CcwPrivate implements SubchannelUser {
  state: State = 'STANDBY';
  readonly subchannel: Subchannel;
  readonly surroundings: Surroundings;
  readonly program: ChannelProgram;
  readonly interrupts = new CcwInterrupts();
  readonly ioMutex = new Mutex();
  readonly reset = new Mutex();
  /** I/O region, command region, SCHIB region, channel-report region. */
  readonly regions: readonly Uint8Array[] = REGIONS.map(({ bytes }) => new Uint8Array(bytes));
  /** How many of them there are: one, while it is closed. */
  regionCount = 1;
  /** Channel report words that the guest has not read, the oldest first. */
  readonly reports: number[] = [];
  readonly warnings: Warnings;
  readonly ioWork: Work;
  readonly reportWork: Work;
  readonly notOperationalWork: Work;
  /** Who waits for the next interrupt. */
  readonly #awaited = new Set<() => void>();
  readonly #irb = new Uint8Array(IRB_BYTES);

  constructor(subchannel: Subchannel, memory: GuestMemory, surroundings: Surroundings, warnings: Warnings) {
    this.subchannel = subchannel;
    this.surroundings = surroundings;
    this.warnings = warnings;
    this.program = new ChannelProgram(memory, (message) => warnings.rarely(message));
    const { works } = surroundings;
    this.ioWork = works.work(() => this.#finishIo());
    this.reportWork = works.work(() => this.#announceReports());
    this.notOperationalWork = works.work(() => this.freeProgram());
  }

  interrupt(irb: Uint8Array): void {
    // A later one before the work runs takes its place: the guest sees the latest.
    this.#irb.set(irb);
    raise(this, 'INTERRUPT');
  }

  notOperational(): void {
    raise(this, 'NOT_OPER');
  }

  pathReport(recovery: number, path: number): void {
    const report = CRW.bytes({ source: CRW_SOURCE_PATH, recovery, id: path });
    this.reports.push(new DataView(report.buffer).getUint32(0));
    this.reportWork.queue();
  }

  /** Somebody wants the device back. */
  request(): void {
    if (!this.interrupts.signal(IRQ_REQUEST))
      this.warnings.once('its release was requested, but nothing is bound to that');
  }

  /** Has whoever waits for an interrupt go on. */
  complete(): void {
    for (const done of this.#awaited) done();
    this.#awaited.clear();
  }

  /** The next interrupt, or `milliseconds`, whichever is first. */
  nextInterrupt(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.surroundings.after(milliseconds, () => {
        this.#awaited.delete(done);
        resolve();
      });
      const done = () => {
        cancel();
        resolve();
      };
      this.#awaited.add(done);
    });
  }

  /** Sets the result of an I/O request: 0 or an errno. */
  answerIo(error?: ErrnoName): void {
    writeWord(this.regions[0], IO_REGION.result.at, error === undefined ? 0 : -ERRNO[error]);
  }

  /** Sets the result of an asynchronous command. */
  answerCommand(error?: ErrnoName): void {
    writeWord(this.regions[1], COMMAND_REGION.result.at, error === undefined ? 0 : -ERRNO[error]);
  }

  freeProgram(): Promise<void> {
    return this.ioMutex.runExclusive(() => this.program.free());
  }

  /** The last reference is gone. */
  async release(): Promise<void> {
    await this.cancelWorks();
    this.reports.length = 0;
    this.interrupts.release();
  }

  /** Calls off what interrupts left to do; the program of a device that is not operational is freed first. */
  async cancelWorks(): Promise<void> {
    await this.ioWork.cancel();
    await this.reportWork.cancel();
    await this.surroundings.works.flush();
  }

  /** After an interrupt: tells the guest, and ends its program when that was the last of it. */
  async #finishIo(): Promise<void> {
    await this.ioMutex.runExclusive(() => {
      const irb = this.#irb.slice();
      const status = SCSW.get(irb, 'status');
      const isFinal = (SCSW.get(irb, 'activity') & (ACTIVITY.deviceActive | ACTIVITY.subchannelActive)) === 0;
      const solicited = SCSW.get(irb, 'deferredCondition') !== 0 || status !== (STATUS.alert | STATUS.pending);
      let finished = false;
      if (solicited) {
        this.program.translateBack(irb);
        if (isFinal && this.state === 'CP_PENDING') {
          this.program.free();
          finished = true;
        }
      }
      this.regions[0].set(irb, IO_REGION.irb.at);
      if (finished) this.state = 'IDLE';
    });
    this.interrupts.signal(IRQ_IO);
  }

  #announceReports(): void {
    if (this.reports.length > 0) this.interrupts.signal(IRQ_REPORT);
  }
}
