/**
 * The switch of a parent, on one of the driver's threads: takes frames of this thread's functions and puts them into
 * receive rings of any. Never waits: each thread has a receive ring of its own at each port (its lane), so that a ring has
 * one writer; a full ring drops the frame and counts it. What threads share: `port-table.ts`, and the rings' memory.
 */
import type { MdevParent } from '@mediated/core';
import { MAX_FRAME, rxHead, rxRing, rxTail, SLOT_BYTES, SLOT_FRAME, SLOT_LENGTH } from './layout.js';
import { formatMac, isForMany, macOf, macPool, portOf } from './mac.js';
import { PortTable } from './port-table.js';

/** What the driver's load options say. */
export interface SwitchOptions {
  /** Ports of each parent. */
  readonly functions: number;
  /** Slots of each ring. */
  readonly slots: number;
  /** Threads of the driver. */
  readonly lanes: number;
}

/** Name of the shared memory with the table of ports. */
export const TABLE_MEMORY = 'ports';
/** Names of the budget and of the shared memory of a port. */
export const portBudget = (port: number): string => `port ${port}`;
export const ringsMemory = (port: number): string => `rings ${port}`;

export class Switch {
  readonly table: PortTable;
  readonly pool: Uint8Array;
  readonly options: SwitchOptions;
  readonly #parent: MdevParent;
  readonly #lane: number;
  readonly #rings: (Uint8Array<SharedArrayBuffer> | undefined)[] = [];
  /** The frame that is being forwarded: its sender may change its own memory meanwhile. */
  readonly #frame = new Uint8Array(MAX_FRAME);

  constructor(parent: MdevParent, options: SwitchOptions, lane: number) {
    this.#parent = parent;
    this.options = options;
    this.#lane = lane;
    this.table = new PortTable(parent.memory[TABLE_MEMORY], lane);
    this.pool = macPool(parent.name);
  }

  /** Takes a port that is free, with clean rings; -1: there is none. */
  takePort(): number {
    for (let port = 0; port < this.options.functions; port++) {
      const permit = this.#parent.budgets[portBudget(port)];
      if (!permit.tryAcquire()) continue;
      if (this.table.take(port)) {
        if (this.table.takeDirty(port)) this.rings(port).fill(0);
        return port;
      }
      permit.release();
    }
    return -1;
  }

  givePort(port: number): void {
    this.table.setUp(port, false);
    this.#parent.budgets[portBudget(port)].release();
  }

  /** Ports that are free. */
  get available(): number {
    let free = 0;
    for (let port = 0; port < this.options.functions; port++) free += this.#parent.budgets[portBudget(port)].value;
    return free;
  }

  /** The rings of a port: its BAR2. */
  rings(port: number): Uint8Array<SharedArrayBuffer> {
    return (this.#rings[port] ??= new Uint8Array(this.#parent.memory[ringsMemory(port)].buffer));
  }

  /** Forwards the frame in `bytes`, 14 to 1518 of them, from a port of this thread. */
  forward(from: number, bytes: Uint8Array): void {
    const frame = this.#frame.subarray(0, bytes.length);
    frame.set(bytes);
    if (isForMany(frame)) {
      for (let port = 0; port < this.options.functions; port++) if (port !== from) this.#deliver(port, frame);
      return;
    }
    const port = portOf(this.pool, frame);
    // A function that sends to itself hears nothing of it, as with hardware.
    if (port === from) return;
    if (port < 0 || port >= this.options.functions || !this.#deliver(port, frame)) this.table.addUnknown();
  }

  /** A line for each port that is taken. */
  describe(): string {
    let text = '';
    for (let port = 0; port < this.options.functions; port++) {
      if (this.#parent.budgets[portBudget(port)].value > 0) continue;
      text += `${formatMac(macOf(this.pool, port))} ${this.table.isUp(port) ? 'up' : 'down'}\n`;
    }
    return text;
  }

  /** False: the port is down. */
  #deliver(port: number, frame: Uint8Array): boolean {
    return this.table.visit(port, () => {
      const { slots } = this.options;
      const rings = this.rings(port);
      const indexes = new Int32Array(rings.buffer);
      const tail = this.table.tail(port, this.#lane);
      // The head is the program's to write: whatever it says, no slot outside the ring is written.
      if ((tail - Atomics.load(indexes, rxHead(this.#lane))) >>> 0 >= slots) {
        this.table.add(port, 'rx_dropped', 1);
        return;
      }
      const slot = rxRing(slots, this.#lane) + (tail & (slots - 1)) * SLOT_BYTES;
      rings.set(frame, slot + SLOT_FRAME);
      indexes[(slot + SLOT_LENGTH) / 4] = frame.length;
      Atomics.store(indexes, rxTail(this.#lane), this.table.advance(port));
      this.table.add(port, 'rx_frames', 1);
      this.table.add(port, 'rx_bytes', frame.length);
      this.table.arrival(port).complete();
    });
  }
}
