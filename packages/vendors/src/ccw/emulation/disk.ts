/**
 * A small disk in the manner of the 3390: cylinders and heads with records of 4096 bytes, found by seek and search and
 * then read or written (ccw section 1: "a model"). Executes what the emulated channel brings; lives on its subchannel's
 * thread. Its bytes are the parent's shared memory and outlive mdevs, drivers' threads included.
 */
import { DEVICE_STATUS } from '../architected.js';
import type { CommandData, IoDevice } from './io-device.js';

/** How large a disk is; a track has `TRACK_RECORDS` records. */
export interface Geometry {
  readonly cylinders: number;
  readonly heads: number;
}

export const RECORD_BYTES = 4096;
const TRACK_RECORDS = 12;

/** Commands that it knows. */
export const DISK_COMMANDS = {
  write: 0x05,
  read: 0x06,
  noOperation: 0x03,
  sense: 0x04,
  seek: 0x07,
  searchId: 0x31,
  senseId: 0xe4,
} as const;

/** What SENSE says after a unit check: bit of which of its first two bytes. */
const SENSE = { commandReject: [0, 0x80], noRecordFound: [1, 0x08] } as const;

const SENSE_BYTES = 32;
/** Control unit 3990 model C2, device 3390 model 0A. */
const IDENTITY = [0xff, 0x39, 0x90, 0xc2, 0x33, 0x90, 0x0a];
const DONE = DEVICE_STATUS.channelEnd | DEVICE_STATUS.deviceEnd;

/** Bytes of a disk. */
export function diskBytes({ cylinders, heads }: Geometry): number {
  return cylinders * heads * TRACK_RECORDS * RECORD_BYTES;
}

export class Disk implements IoDevice {
  readonly #bytes: Uint8Array;
  readonly #geometry: Geometry;
  readonly #sense = new Uint8Array(SENSE_BYTES);
  #track = 0;
  /** Record that passed last, from 1; 0: the track's beginning. */
  #passed = 0;
  /** Records that have passed since the last seek without being the one searched for. */
  #missed = 0;
  /** The last search has found its record. */
  #found = false;

  /** `bytes`: {@link diskBytes} of them. */
  constructor(bytes: Uint8Array, geometry: Geometry) {
    this.#bytes = bytes;
    this.#geometry = geometry;
  }

  restart(): void {
    this.#track = 0;
    this.#passed = 0;
    this.#missed = 0;
    this.#found = false;
  }

  execute(command: number, data: CommandData): number {
    switch (command) {
      case DISK_COMMANDS.noOperation:
        return DONE;
      case DISK_COMMANDS.sense:
        data.give(this.#sense);
        this.#sense.fill(0);
        return DONE;
      case DISK_COMMANDS.senseId:
        data.give(Uint8Array.from(IDENTITY));
        return DONE;
      case DISK_COMMANDS.seek:
        return this.#seek(data.take(6));
      case DISK_COMMANDS.searchId:
        return this.#search(data.take(5));
      case DISK_COMMANDS.read:
        // What was searched for, or else the next record that passes.
        if (!this.#found) this.#pass();
        this.#found = false;
        data.give(this.#record());
        return DONE;
      case DISK_COMMANDS.write:
        return this.#write(data);
      default:
        return this.#check(SENSE.commandReject);
    }
  }

  /** Two bytes of zeros, cylinder, head. */
  #seek(argument: Uint8Array): number {
    const { cylinders, heads } = this.#geometry;
    const [cylinder, head] = [halfAt(argument, 2), halfAt(argument, 4)];
    if (argument.length < 6 || cylinder >= cylinders || head >= heads) return this.#check(SENSE.commandReject);
    this.restart();
    this.#track = cylinder * heads + head;
    return DONE;
  }

  /** Cylinder, head and record. Looks at the next record only; the program comes back until it is the right one. */
  #search(argument: Uint8Array): number {
    if (argument.length < 5) return this.#check(SENSE.commandReject);
    this.#pass();
    const { heads } = this.#geometry;
    const cylinder = Math.floor(this.#track / heads);
    const equal =
      halfAt(argument, 0) === cylinder && halfAt(argument, 2) === this.#track % heads && argument[4] === this.#passed;
    this.#found = equal;
    if (equal) {
      this.#missed = 0;
      return DONE | DEVICE_STATUS.modifier;
    }
    // After two turns of the track no other record can come.
    if (++this.#missed > 2 * TRACK_RECORDS) return this.#check(SENSE.noRecordFound);
    return DONE;
  }

  /** Right after a search; what the guest does not give is zeros. */
  #write(data: CommandData): number {
    if (!this.#found) return this.#check(SENSE.commandReject);
    this.#found = false;
    const bytes = data.take(RECORD_BYTES);
    const record = this.#record();
    record.set(bytes);
    record.fill(0, bytes.length);
    return DONE;
  }

  #pass(): void {
    this.#passed = (this.#passed % TRACK_RECORDS) + 1;
  }

  #record(): Uint8Array {
    const at = (this.#track * TRACK_RECORDS + this.#passed - 1) * RECORD_BYTES;
    return this.#bytes.subarray(at, at + RECORD_BYTES);
  }

  #check([byte, bit]: readonly [number, number]): number {
    this.#sense.fill(0);
    this.#sense[byte] = bit;
    this.#missed = 0;
    return DONE | DEVICE_STATUS.unitCheck;
  }
}

function halfAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}
