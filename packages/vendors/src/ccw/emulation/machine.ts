/**
 * An emulated subchannel: carries out the I/O instructions, runs channel programs against a device and interrupts
 * (ccw sections 1 and 3). Called by `subchannel.ts`; what takes time on a machine happens in later turns of the thread's
 * event loop, so that a halt, a clear or a cancel can come in between. Lives on the subchannel's thread.
 */
import {
  ACTIVITY,
  DEVICE_STATUS,
  FUNCTION,
  IRB_BYTES,
  ORB,
  SCHIB,
  SCHIB_PATHS,
  SCHIB_SCSW,
  SCSW,
  STATUS,
} from '../architected.js';
import type { ConditionCode, SubchannelInstructions } from '../instructions.js';
import type { HostStorage } from '../storage.js';
import { ChannelRun, type Progress } from './channel.js';
import type { IoDevice } from './io-device.js';

/** Has something run soon, not now. */
export type Soon = (run: () => void) => void;

/** What a subchannel is attached to. */
export interface Attachment {
  /** 0 to 0xffff. */
  readonly deviceNumber: number;
  /** Numbers of its channel paths, up to eight. */
  readonly paths: readonly number[];
  /** It is of the kind for queued direct I/O, which is not passed through. */
  readonly qdio: boolean;
}

/** Commands per turn. */
const TURN = 64;
const ENDED = STATUS.primary | STATUS.secondary | STATUS.pending;

export class EmulatedSubchannel implements SubchannelInstructions {
  /** Called when status has become pending. */
  interrupt: () => void = () => {};
  readonly #schib = new Uint8Array(SCHIB.size);
  readonly #device: IoDevice;
  readonly #soon: Soon;
  #run: ChannelRun | undefined;
  /** What a turn was meant for is over when this has changed. */
  #epoch = 0;
  #gone = false;
  /** Attention that waits until the subchannel is idle. */
  #owed = 0;

  constructor({ deviceNumber, paths, qdio }: Attachment, device: IoDevice, soon: Soon) {
    this.#device = device;
    this.#soon = soon;
    const installed = (0xff << (8 - paths.length)) & 0xff;
    const values = { deviceNumberValid: 1, deviceNumber, qdio: qdio ? 1 : 0, lpm: installed, pim: installed };
    this.#schib.set(SCHIB.bytes({ ...values, pom: 0xff, pam: installed }));
    this.#schib.set(paths, SCHIB_PATHS);
  }

  /** The device is taken away: all instructions answer 3 from now on. */
  detach(): void {
    this.#gone = true;
    this.#epoch++;
  }

  /** A channel path is lost or comes back. */
  setPath(path: number, available: boolean): void {
    for (let at = 0; at < 8; at++) {
      const bit = SCHIB.get(this.#schib, 'pim') & (0x80 >> at);
      if (bit === 0 || this.#schib[SCHIB_PATHS + at] !== path) continue;
      const pam = SCHIB.get(this.#schib, 'pam');
      SCHIB.set(this.#schib, 'pam', available ? pam | bit : pam & ~bit);
    }
  }

  /** The device wants attention, as when a medium was loaded: an interrupt, when nothing runs any more. */
  attention(): void {
    this.#owed = DEVICE_STATUS.attention;
    if (this.#functions === 0 && !this.#pending) this.#later(() => this.#payAttention());
  }

  stsch(schib: Uint8Array): 0 | 3 {
    if (this.#gone) return 3;
    schib.set(this.#schib);
    return 0;
  }

  msch(schib: Uint8Array): ConditionCode {
    if (this.#gone) return 3;
    if (this.#pending) return 1;
    if (this.#functions !== 0) return 2;
    for (const field of ['intparm', 'subclass', 'enabled', 'concurrentSense'] as const) {
      SCHIB.set(this.#schib, field, SCHIB.get(schib, field));
    }
    return 0;
  }

  ssch(orb: Uint8Array, storage: HostStorage): ConditionCode {
    const paths = ORB.get(orb, 'lpm') & SCHIB.get(this.#schib, 'pam');
    if (!this.#operational || paths === 0) return 3;
    if (this.#pending) return 1;
    if (this.#functions !== 0) return 2;
    // The highest path that may be taken is.
    SCHIB.set(this.#schib, 'lpum', 0x80 >> (Math.clz32(paths) - 24));
    this.#setControl(FUNCTION.start, ACTIVITY.startPending, 0);
    this.#later(() => {
      this.#run = new ChannelRun(orb, storage, this.#device);
      this.#setControl(FUNCTION.start, ACTIVITY.subchannelActive | ACTIVITY.deviceActive, 0);
      this.#advance();
    });
    return 0;
  }

  hsch(): ConditionCode {
    if (!this.#operational) return 3;
    if (this.#pending) return 1;
    const functions = this.#functions;
    if ((functions & (FUNCTION.halt | FUNCTION.clear)) !== 0) return 2;
    this.#run = undefined;
    this.#setControl(functions | FUNCTION.halt, this.#activity | ACTIVITY.haltPending, 0);
    this.#later(() => {
      this.#setControl(functions | FUNCTION.halt, 0, 0);
      this.#present((functions & FUNCTION.start) === 0 ? STATUS.pending : ENDED, {});
    });
    return 0;
  }

  csch(): 0 | 3 {
    if (!this.#operational) return 3;
    this.#run = undefined;
    this.#setControl(FUNCTION.clear, ACTIVITY.clearPending, 0);
    this.#later(() => {
      this.#device.restart();
      this.#setControl(FUNCTION.clear, 0, 0);
      this.#present(STATUS.pending, {});
    });
    return 0;
  }

  xsch(): ConditionCode {
    if (!this.#operational) return 3;
    if (this.#pending) return 1;
    if (this.#activity !== ACTIVITY.startPending) return 2;
    this.#epoch++;
    this.#setControl(0, 0, 0);
    return 0;
  }

  tsch(irb: Uint8Array): 0 | 1 | 3 {
    if (this.#gone) return 3;
    irb.fill(0, 0, IRB_BYTES);
    irb.set(this.#schib.subarray(SCHIB_SCSW, SCHIB_SCSW + SCSW.size));
    if (!this.#pending) return 1;
    const intermediate = (SCHIB.get(this.#schib, 'status') & STATUS.intermediate) !== 0;
    if (intermediate) this.#setControl(this.#functions, this.#activity, 0);
    else this.#schib.fill(0, SCHIB_SCSW, SCHIB_SCSW + SCSW.size);
    if (!intermediate && this.#owed !== 0) this.#later(() => this.#payAttention());
    return 0;
  }

  get #operational(): boolean {
    return !this.#gone && SCHIB.get(this.#schib, 'enabled') !== 0;
  }

  get #functions(): number {
    return SCHIB.get(this.#schib, 'functions');
  }

  get #activity(): number {
    return SCHIB.get(this.#schib, 'activity');
  }

  get #pending(): boolean {
    return (SCHIB.get(this.#schib, 'status') & STATUS.pending) !== 0;
  }

  #setControl(functions: number, activity: number, status: number): void {
    SCHIB.set(this.#schib, 'functions', functions);
    SCHIB.set(this.#schib, 'activity', activity);
    SCHIB.set(this.#schib, 'status', status);
  }

  /** A new function ends what was still to come of the one before. */
  #later(run: () => void): void {
    const epoch = ++this.#epoch;
    this.#soon(() => {
      if (epoch === this.#epoch) run();
    });
  }

  #advance(): void {
    const progress = this.#run?.advance(TURN);
    if (progress === undefined) return;
    if (progress.kind === 'ended') {
      this.#run = undefined;
      const check = progress.subchannelStatus !== 0 || (progress.deviceStatus & DEVICE_STATUS.unitCheck) !== 0;
      this.#setControl(FUNCTION.start, 0, 0);
      this.#present(check ? ENDED | STATUS.alert : ENDED, progress);
      return;
    }
    this.#later(() => this.#advance());
    if (progress.kind === 'interruption') this.#present(STATUS.intermediate | STATUS.pending, progress);
  }

  #payAttention(): void {
    if (!this.#operational) return;
    const deviceStatus = this.#owed;
    this.#owed = 0;
    this.#present(STATUS.alert | STATUS.pending, { deviceStatus });
  }

  #present(
    status: number,
    { address = 0, deviceStatus = 0, subchannelStatus = 0, count = 0 }: Partial<Progress>,
  ): void {
    const scsw = this.#schib.subarray(SCHIB_SCSW, SCHIB_SCSW + SCSW.size);
    SCSW.set(scsw, 'status', status);
    SCSW.set(scsw, 'address', address);
    SCSW.set(scsw, 'deviceStatus', deviceStatus);
    SCSW.set(scsw, 'subchannelStatus', subchannelStatus);
    SCSW.set(scsw, 'count', count);
    this.interrupt();
  }
}
