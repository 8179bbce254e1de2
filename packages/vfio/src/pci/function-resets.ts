/**
 * How a PCI function is reset, alone or with all of its bus, and its power state, whose end may be a reset too (spec/pci
 * sections 1, 2, 3.5 and 7). Part of `pci-device.ts`, which holds the memory lock where one is needed; private to the
 * function's thread but for the device lock.
 */
import { ERRNO, isMediatedError } from '@mediated/core';
import type { Bar } from './bar-access.js';
import type { ConfigHardware } from './config-hardware.js';
import type { FunctionDomain } from './domain.js';
import type { IntxLine } from './intx.js';
import { writeNumber } from './little-endian.js';
import type { PciModel, ResetKind } from './model.js';
import { CAPABILITY, COMMAND, COMMAND_INTX_DISABLE, PM_CONTROL, PM_NO_SOFT_RESET, PM_STATE } from './registers.js';

/** Power state in which a function does not answer. */
export const D3HOT = 3;

/** What is reset. */
export interface ResettableFunction {
  readonly hardware: ConfigHardware;
  readonly bars: readonly (Bar | undefined)[];
  readonly domain: FunctionDomain;
  readonly model: PciModel;
  readonly interrupts: { readonly intx: IntxLine };
}

export class FunctionResets {
  readonly #pci: ResettableFunction;
  #power = 0;
  /** Registers before a reset of the whole bus, until they are back. */
  #savedForBus: Uint8Array | undefined;

  constructor(pci: ResettableFunction) {
    this.#pci = pci;
  }

  /** 0 (it works) to 3. */
  get power(): number {
    return this.#power;
  }

  /** A function without power management stays in D0. */
  setPower(state: number): void {
    const { hardware } = this.#pci;
    const at = hardware.find(CAPABILITY.pm);
    if (at === 0 || state === this.#power) return;
    if (this.#power === D3HOT && this.#resetsWithPower) {
      const saved = hardware.save();
      this.#reset('function');
      hardware.restore(saved);
    }
    this.#power = state;
    hardware.change(at + PM_CONTROL, 2, state, PM_STATE);
  }

  /**
   * Resets the function alone, registers kept, if nobody has its device lock. 0 or a negative errno: ENOTTY (there is no
   * way), EAGAIN (somebody has the lock), what the way that was tried has failed with.
   */
  tryReset(): number {
    const { hardware, domain } = this.#pci;
    if (domain.methods.length === 0) return -ERRNO.ENOTTY;
    const unlock = domain.tryLock(false);
    if (unlock === undefined) return -ERRNO.EAGAIN;
    // Nobody resets it: if registers are still saved, it was somebody who has died.
    this.restoreAfterBus();
    const saved = hardware.save();
    this.#disable();
    const result = this.#resetAlone();
    hardware.restore(saved);
    unlock();
    return result;
  }

  /** At the last close: disabled, reset alone if it `works` and nobody has a lock; then as `saved`. */
  resetAtClose(works: boolean, saved: Uint8Array): void {
    const { hardware, domain } = this.#pci;
    this.#savedForBus = undefined;
    this.#disable();
    const unlock = works ? domain.tryLock(true) : undefined;
    if (unlock !== undefined) {
      if (this.#resetAlone() === 0) domain.needsReset = false;
      unlock();
    }
    hardware.restore(saved);
  }

  /** Steps of a reset of the bus or slot (section 7.3); the locks are held by whoever asks. */
  saveForBus(): void {
    this.restoreAfterBus();
    this.#savedForBus = this.#pci.hardware.save();
    this.#disable();
  }

  resetWithBus(): void {
    this.#reset('bus');
  }

  /** Also when whoever began the reset has died half-way. */
  restoreAfterBus(): void {
    if (this.#savedForBus !== undefined) this.#pci.hardware.restore(this.#savedForBus);
    this.#savedForBus = undefined;
  }

  /** Neither memory nor ports nor DMA nor INTx. */
  #disable(): void {
    writeNumber(this.#pci.hardware.bytes, COMMAND, 2, COMMAND_INTX_DISABLE);
  }

  /** The first way that works, as it works. */
  #resetAlone(): number {
    const { methods, alone } = this.#pci.domain;
    for (const method of methods) {
      if ((method === 'bus' && !alone) || (method === 'pm' && !this.#resetsWithPower)) continue;
      try {
        this.#reset(method === 'bus' ? 'bus' : 'function');
        return 0;
      } catch (error) {
        if (!isMediatedError(error)) return -ERRNO.EIO;
        if (error.code !== 'ENOTTY') return error.errno;
      }
    }
    return -ERRNO.ENOTTY;
  }

  #reset(kind: ResetKind): void {
    const { hardware, bars, interrupts, domain, model } = this.#pci;
    this.#power = 0;
    hardware.reset();
    for (const bar of bars) if (bar !== undefined && !bar.spec.registers) bar.bytes.fill(0);
    interrupts.intx.set(false);
    domain.countReset(kind);
    model.reset?.(kind);
  }

  /** Going back to D0 resets the function. */
  get #resetsWithPower(): boolean {
    const { hardware } = this.#pci;
    const at = hardware.find(CAPABILITY.pm);
    return at !== 0 && (hardware.read(at + PM_CONTROL, 2) & PM_NO_SOFT_RESET) === 0;
  }
}
