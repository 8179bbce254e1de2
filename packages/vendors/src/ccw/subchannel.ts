/**
 * A subchannel as its driver sees it: the parent device of at most one mdev (ccw sections 1 to 3). Keeps the copy of the
 * SCHIB, the path masks and the wanted configuration; delivers the machine's events to the private of the mdev, if there
 * is one. Lives on the thread of its parent; all methods run to their end, which is what the subchannel lock is for.
 */
import { type ErrnoName, MediatedError } from '@mediated/core';
import { ACTIVITY, CRW_RECOVERY, IRB_BYTES, ORB, SCHIB, SCHIB_PATHS, SCHIB_SCSW } from './architected.js';
import { configure } from './configuring.js';
import type { SubchannelInstructions } from './instructions.js';
import type { HostStorage } from './storage.js';

/** Most tries to halt, and to clear. */
const HALT_TRIES = 3;
export const CLEAR_TRIES = 255;

/** What happens to a channel path. */
export type PathEvent = 'vary-off' | 'offline' | 'vary-on' | 'online';

/** The private of an mdev, as events reach it. */
export interface SubchannelUser {
  /** An interrupt; the response block is valid only during the call. */
  interrupt(irb: Uint8Array): void;
  /** The subchannel does not answer any more. */
  notOperational(): void;
  /** A path was lost or has come back (`CRW_RECOVERY`). */
  pathReport(recovery: number, path: number): void;
}

/** Number of tries that are left to {@link Subchannel.cancelHaltClear}. */
export interface TryBudget {
  left: number;
}

export class Subchannel {
  readonly name: string;
  /** The copy of the SCHIB that the last instruction left. */
  readonly schib = new Uint8Array(SCHIB.size);
  /** Paths that the operator allows; paths that a start may take. */
  opm: number;
  lpm: number;
  /** Interruption subclass, for the next enabling. */
  isc = 0;
  /** The private of the mdev on it. */
  user: SubchannelUser | undefined;
  /** Its removal was scheduled: it did not answer any more. */
  unregistering = false;
  readonly #machine: SubchannelInstructions;
  readonly identity: number;
  readonly #unregister: () => void;

  /** `identity`: the parameter by which interrupts name it. `unregister` has its parent removed, later. */
  constructor(name: string, identity: number, machine: SubchannelInstructions, unregister: () => void) {
    this.name = name;
    this.identity = identity;
    this.#machine = machine;
    this.#unregister = unregister;
    this.refresh();
    this.opm = 0xff;
    this.lpm = SCHIB.get(this.schib, 'pam');
  }

  /** Stores the SCHIB anew. False: the subchannel is gone or has no device. */
  refresh(): boolean {
    const stored = new Uint8Array(SCHIB.size);
    if (this.#machine.stsch(stored) !== 0 || SCHIB.get(stored, 'deviceNumberValid') === 0) return false;
    this.schib.set(stored);
    return true;
  }

  /** Whether the copy of the SCHIB says that a device is there and the subchannel enabled. */
  get enabled(): boolean {
    return SCHIB.get(this.schib, 'deviceNumberValid') !== 0 && SCHIB.get(this.schib, 'enabled') !== 0;
  }

  /** Lets it interrupt and be started. Errors: ENODEV, EBUSY, EAGAIN (the change did not last), EIO. */
  enable(): ErrnoName | undefined {
    const error = this.#configure(1, 1);
    // Machines without concurrent sense refuse it.
    return error === 'EIO' ? this.#configure(1, 0) : error;
  }

  /** Errors: ENODEV, EBUSY (a function is under way), EAGAIN, EIO. */
  disable(): ErrnoName | undefined {
    return this.#configure(0, SCHIB.get(this.schib, 'concurrentSense') === 0 ? 0 : 1);
  }

  /** Starts a program. Errors: EBUSY, ENODEV (gone, or no path is left), EACCES (no path of the ORB, but others). */
  start(orb: Uint8Array, storage: HostStorage): ErrnoName | undefined {
    switch (this.#machine.ssch(orb, storage)) {
      case 0:
        this.#addActivity(ACTIVITY.startPending);
        return undefined;
      case 3: {
        const tried = ORB.get(orb, 'lpm');
        this.lpm = tried === 0 ? 0 : this.lpm & ~tried;
        if (!this.refresh()) return 'ENODEV';
        return this.lpm === 0 ? 'ENODEV' : 'EACCES';
      }
      default:
        return 'EBUSY';
    }
  }

  /** Errors: EBUSY, ENODEV. */
  halt(): ErrnoName | undefined {
    switch (this.#machine.hsch()) {
      case 0:
        this.#addActivity(ACTIVITY.haltPending);
        return undefined;
      case 3:
        return 'ENODEV';
      default:
        return 'EBUSY';
    }
  }

  /** Errors: ENODEV. */
  clear(): ErrnoName | undefined {
    if (this.#machine.csch() === 3) return 'ENODEV';
    SCHIB.set(this.schib, 'activity', ACTIVITY.clearPending);
    return undefined;
  }

  /**
   * One step of ending what runs: cancel, else halt, else clear. undefined: nothing runs any more. EBUSY: wait for the
   * interrupt and come again. ENODEV: gone. EIO: it went on through all tries.
   */
  cancelHaltClear(budget: TryBudget): ErrnoName | undefined {
    if (!this.refresh()) return 'ENODEV';
    if (!this.enabled) return undefined;
    const activity = SCHIB.get(this.schib, 'activity');
    if ((activity & (ACTIVITY.haltPending | ACTIVITY.clearPending)) === 0) {
      const condition = this.#machine.xsch();
      if (condition === 0) {
        this.refresh();
        return undefined;
      }
      if (condition === 1) return 'EBUSY';
      if (condition === 3) return 'ENODEV';
      budget.left = HALT_TRIES;
    }
    if ((activity & ACTIVITY.clearPending) === 0) {
      if (budget.left > 0) {
        budget.left--;
        const error = this.halt();
        if (error !== 'EBUSY') return error ?? 'EBUSY';
      }
      budget.left = CLEAR_TRIES;
    }
    if (budget.left === 0) return 'EIO';
    budget.left--;
    return this.clear() ?? 'EBUSY';
  }

  /** The machine has an interrupt. Without an mdev nobody waits for it: the subchannel is disabled again. */
  interrupt(): void {
    const irb = new Uint8Array(IRB_BYTES);
    if (this.#machine.tsch(irb) !== 0) return;
    this.schib.set(irb.subarray(0, 12), SCHIB_SCSW);
    if (this.user === undefined) this.disable();
    else this.user.interrupt(irb);
  }

  /** The machine says that the subchannel has changed. EAGAIN: not now. */
  changed(): void {
    if (this.unregistering) {
      throw new MediatedError('EAGAIN', `subchannel ${this.name} is being removed`, { syscall: 'sch_event' });
    }
    if (this.user !== undefined && !this.refresh()) this.user.notOperational();
  }

  /** A channel path has changed. ENODEV: the subchannel does not answer. */
  pathChanged(event: PathEvent, path: number): void {
    const mask = this.#pathMask(path);
    if (mask === 0 || this.user === undefined) return;
    if (!this.refresh()) {
      throw new MediatedError('ENODEV', `subchannel ${this.name} does not answer`, { syscall: 'chp_event' });
    }
    switch (event) {
      case 'vary-off':
        this.opm &= ~mask;
        this.lpm &= ~mask;
        return this.#abandonPath(mask);
      case 'offline':
        this.#abandonPath(mask);
        return this.user.pathReport(CRW_RECOVERY.permanent, path);
      case 'vary-on':
        this.opm |= mask;
        this.lpm |= mask;
        return;
      case 'online':
        this.lpm |= mask & this.opm;
        return this.user.pathReport(CRW_RECOVERY.initialized, path);
    }
  }

  /** Has the subchannel taken away, because it does not answer any more. May be called at any time, acts later. */
  scheduleUnregistration(): void {
    if (this.unregistering) return;
    this.unregistering = true;
    this.#unregister();
  }

  /** Ends what runs over a path that is lost. */
  #abandonPath(mask: number): void {
    if ((SCHIB.get(this.schib, 'lpum') & mask) !== 0) this.cancelHaltClear({ left: CLEAR_TRIES });
  }

  #pathMask(path: number): number {
    const installed = SCHIB.get(this.schib, 'pim');
    let mask = 0;
    for (let at = 0; at < 8; at++) {
      if (this.schib[SCHIB_PATHS + at] === path) mask |= installed & (0x80 >> at);
    }
    return mask;
  }

  #addActivity(bits: number): void {
    SCHIB.set(this.schib, 'activity', SCHIB.get(this.schib, 'activity') | bits);
  }

  #configure(enabled: 0 | 1, concurrentSense: 0 | 1): ErrnoName | undefined {
    const wanted = { enabled, subclass: this.isc, intparm: this.identity, concurrentSense };
    return configure(this.#machine, () => (this.refresh() ? this.schib : undefined), wanted);
  }
}
