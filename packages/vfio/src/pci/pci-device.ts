/**
 * A PCI function under vfio (spec/pci sections 1 to 3, 7.1, 9): its registers and memory, its model, the virtual
 * configuration space of the present open, interrupts, power state. On the function's thread; what other threads share
 * of it is its memory guard and its domain. Driven by `pci-operations.ts`.
 */
import { ERRNO, MediatedError } from '@mediated/core';
import type { VfioDevice } from '../device.js';
import type { InterruptCounter } from '../interrupt-counter.js';
import { PCI_IRQS } from '../uapi/pci.js';
import type { AccessedFunction, Bar } from './bar-access.js';
import { VGA_BYTES } from './bar-access.js';
import { ConfigHardware } from './config-hardware.js';
import type { ConfigOwner } from './config-owner.js';
import { ConfigSpace } from './config-space.js';
import type { FunctionDomain } from './domain.js';
import { D3HOT, FunctionResets } from './function-resets.js';
import type { BarSpec, FunctionSpec } from './function-spec.js';
import { Ioeventfds } from './ioeventfds.js';
import { readNumber, writeNumber } from './little-endian.js';
import type { MemoryGuard } from './memory-guard.js';
import type { PciFunction, PciModel, PciModelFactory } from './model.js';
import { PciInterrupts } from './pci-interrupts.js';
import {
  BAR0,
  BAR5_END,
  COMMAND,
  COMMAND_INTX_DISABLE,
  COMMAND_IO,
  COMMAND_MASTER,
  COMMAND_MEMORY,
} from './registers.js';

/** What a function is made of. */
export interface PciDeviceParts {
  readonly name: string;
  readonly device: VfioDevice;
  readonly spec: FunctionSpec;
  readonly guard: MemoryGuard;
  readonly domain: FunctionDomain;
  readonly model: PciModelFactory;
  readonly modelOptions: unknown;
  /** Programs may have no INTx. */
  readonly noIntx: boolean;
  /** What nobody can be told. */
  failed(error: unknown): void;
}

export class PciDevice implements ConfigOwner, AccessedFunction {
  readonly name: string;
  readonly spec: FunctionSpec;
  readonly guard: MemoryGuard;
  readonly domain: FunctionDomain;
  readonly hardware: ConfigHardware;
  readonly bars: readonly (Bar | undefined)[];
  readonly vga: SharedArrayBuffer | undefined;
  readonly interrupts: PciInterrupts;
  readonly ioeventfds: Ioeventfds;
  readonly model: PciModel;
  readonly realBars: Uint8Array;
  readonly #device: VfioDevice;
  readonly #resets: FunctionResets;
  readonly #vpd: Uint8Array | undefined;
  /** Of the present open. */
  #config: ConfigSpace | undefined;
  #resetWorks = false;
  #savedAtOpen: Uint8Array | undefined;
  #lowPower: { readonly wakeup: InterruptCounter | undefined } | undefined;

  constructor(parts: PciDeviceParts) {
    const { name, device, spec, guard, domain } = parts;
    this.name = name;
    this.spec = spec;
    this.guard = guard;
    this.domain = domain;
    this.#device = device;
    this.hardware = new ConfigHardware(spec);
    this.realBars = this.hardware.bytes.slice(BAR0, BAR5_END);
    this.bars = Array.from({ length: 6 }, (_, index) => barOf(spec, index));
    this.vga = spec.vga ? new SharedArrayBuffer(VGA_BYTES) : undefined;
    this.#vpd = spec.vpd?.slice();
    const intx = (spec.pin ?? 1) !== 0 && spec.brokenIntx !== true && !domain.virtualFunction && !parts.noIntx;
    const { hostVectors = 2048 } = spec;
    const failed = (error: unknown) => parts.failed(error);
    const express = spec.express !== undefined;
    this.interrupts = new PciInterrupts({ hardware: this.hardware, intx, express, hostVectors, failed });
    this.ioeventfds = new Ioeventfds(this, this.bars, failed);
    this.model = parts.model(this.#forModel(), parts.modelOptions);
    this.#resets = new FunctionResets(this);
  }

  get virtualFunction(): boolean {
    return this.domain.virtualFunction;
  }

  get msiActive(): boolean {
    return this.interrupts.messages.active === PCI_IRQS.msi;
  }

  get msiMost(): number {
    return this.interrupts.messages.msiMost;
  }

  get resetWorks(): boolean {
    return this.#resetWorks;
  }

  get memoryEnabled(): boolean {
    return this.#resets.power < D3HOT && this.#config !== undefined && this.#config.memoryEnabled;
  }

  /** Configuration space of the present open. EIO outside of one. */
  get config(): ConfigSpace {
    if (this.#config !== undefined) return this.#config;
    throw new MediatedError('EIO', `${this.name} is not open`, { syscall: 'config' });
  }

  /** First open, under the set's mutex. EAGAIN: somebody resets it just now. */
  async open(): Promise<void> {
    const { hardware, domain } = this;
    this.#resets.setPower(0);
    hardware.change(COMMAND, 2, 0, COMMAND_MASTER);
    hardware.change(COMMAND, 2, COMMAND_IO | COMMAND_MEMORY);
    const reset = this.#resets.tryReset();
    if (reset === -ERRNO.EAGAIN) {
      hardware.change(COMMAND, 2, 0, COMMAND_IO | COMMAND_MEMORY);
      await domain.settle();
      throw busy(this.name);
    }
    this.#resetWorks = reset === 0;
    this.#savedAtOpen = hardware.save();
    hardware.change(COMMAND, 2, this.spec.brokenIntx ? COMMAND_INTX_DISABLE : 0, COMMAND_INTX_DISABLE);
    this.#config = new ConfigSpace(this);
    try {
      await this.model.open?.();
    } catch (error) {
      this.#config = undefined;
      await domain.settle();
      throw error;
    }
    await this.guard.writing(() => this.#publishMemory());
    domain.opened();
  }

  /** Last close, under the set's mutex. */
  async close(): Promise<void> {
    const { hardware, domain, interrupts } = this;
    domain.closing();
    // Nobody is told: the program itself ends.
    this.#lowPower = undefined;
    this.#resets.setPower(0);
    // No DMA any more, before anything that it could disturb is taken down.
    hardware.change(COMMAND, 2, 0, COMMAND_MASTER);
    await interrupts.disable();
    await this.ioeventfds.clear();
    await this.model.close?.();
    await this.guard.writing(() => {
      this.guard.zap();
      this.#config = undefined;
      this.#publishMemory();
    });
    domain.needsReset = true;
    if (this.#savedAtOpen !== undefined) this.#resets.resetAtClose(this.#resetWorks, this.#savedAtOpen);
    // Disabled: it masters no bus.
    hardware.change(COMMAND, 2, 0, COMMAND_MASTER);
    await domain.settle();
    interrupts.forget();
  }

  /** VFIO_DEVICE_RESET, and what writes to configuration space set going. 0 or a negative errno. */
  resetFunction(): number | Promise<number> {
    if (!this.#resetWorks) return -ERRNO.EINVAL;
    this.guard.zap();
    return this.guard.writing(() => {
      this.#resets.setPower(0);
      const result = this.#resets.tryReset();
      this.#publishMemory();
      return result;
    });
  }

  resetByProgram(): void | Promise<void> {
    this.guard.zap();
    return this.guard.writing(() => {
      this.#resets.setPower(0);
      this.#resets.tryReset();
      this.#publishMemory();
    });
  }

  exclusively(zap: boolean, body: () => void): void | Promise<void> {
    if (zap) this.guard.zap();
    return this.guard.writing(() => {
      body();
      this.#publishMemory();
    });
  }

  intxDisabled(disabled: boolean): void {
    this.interrupts.intx.turn(disabled);
  }

  setPowerState(state: number): void | Promise<void> {
    return this.exclusively(state >= D3HOT, () => this.#resets.setPower(state));
  }

  readVpd(address: number): number | undefined {
    const bytes = this.#vpd;
    return bytes === undefined || address + 4 > bytes.length ? undefined : readNumber(bytes, address, 4);
  }

  writeVpd(address: number, value: number): boolean {
    const bytes = this.#vpd;
    if (bytes === undefined || address + 4 > bytes.length) return false;
    writeNumber(bytes, address, 4, value);
    return true;
  }

  /** Enters the low-power state (section 9). EINVAL: it is in it already. */
  enterLowPower(wakeup: InterruptCounter | undefined): void | Promise<void> {
    if (this.#lowPower !== undefined) throw new MediatedError('EINVAL', 'it is in low power already');
    return this.exclusively(true, () => {
      this.#lowPower = { wakeup };
      this.interrupts.intx.sleep();
    });
  }

  /** Leaves it, if it is in it: whoever asked for it is told, unless that is who leaves. */
  exitLowPower(byAccess: boolean): void | Promise<void> {
    const state = this.#lowPower;
    if (state === undefined) return;
    this.#lowPower = undefined;
    if (byAccess) state.wakeup?.signal();
    return this.exclusively(false, () => this.interrupts.intx.wake());
  }

  get lowPower(): boolean {
    return this.#lowPower !== undefined;
  }

  /** Steps of a reset of the bus or slot that the function is on (section 7.3); its locks are held by whoever asks. */
  saveForBus(): void {
    this.#wake();
    this.#resets.saveForBus();
  }

  resetWithBus(): void {
    this.#resets.resetWithBus();
  }

  /** Also when whoever began the reset has died half-way. */
  restoreAfterBus(): void {
    this.#resets.restoreAfterBus();
    this.#publishMemory();
  }

  /** The function is unbound. */
  release(): void {
    this.model.release?.();
  }

  #wake(): void {
    if (this.#lowPower !== undefined) {
      this.#lowPower.wakeup?.signal();
      this.#lowPower = undefined;
      this.interrupts.intx.wake();
    }
    this.#resets.setPower(0);
  }

  #publishMemory(): void {
    this.guard.enabled = this.memoryEnabled && this.#lowPower === undefined;
  }

  #forModel(): PciFunction {
    const { name, hardware, bars, interrupts } = this;
    return {
      name,
      device: this.#device,
      bars: bars.map((bar) => bar?.memory),
      config: hardware,
      get busMaster() {
        return (hardware.read(COMMAND, 2) & COMMAND_MASTER) !== 0;
      },
      line: (asserted) => interrupts.intx.set(asserted),
      message: (vector) => interrupts.messages.send(vector),
      error: () => {
        interrupts.event('error');
      },
    };
  }
}

/** Bytes of a page. */
const PAGE_BYTES = 4096;

function barOf(spec: FunctionSpec, index: number): Bar | undefined {
  const bar: BarSpec | null = spec.bars?.[index] ?? null;
  if (bar === null) return undefined;
  // Whole pages, for they are what is mapped.
  const memory = new SharedArrayBuffer(Math.ceil(bar.size / PAGE_BYTES) * PAGE_BYTES);
  const { msix } = spec;
  const hidden = msix?.bar === index ? ([msix.offset, msix.offset + msix.vectors * 16] as const) : undefined;
  return { spec: bar, index, memory, bytes: new Uint8Array(memory, 0, bar.size), hidden };
}

function busy(name: string): MediatedError {
  return new MediatedError('EAGAIN', `${name} is being reset`, { syscall: 'open' });
}
