/**
 * An emulated channel while it runs a program: fetches CCWs, follows chains and transfers, moves data, and says how it
 * ended. It goes a number of commands at a time, so that an endless program stops neither its thread nor a halt.
 * Made by `machine.ts` for each start; reads the storage of the program, writes the guest pages in it.
 */
import { CCW, CCW_FLAGS, DEVICE_STATUS, ORB, SUBCHANNEL_STATUS, TIC } from '../architected.js';
import type { HostStorage } from '../storage.js';
import { ChannelCheck, DataPath, type FetchedCcw, fetchCcw } from './data-path.js';
import type { IoDevice } from './io-device.js';

/** Most CCWs of one command; a program of endless data chaining ends with a program check. */
const MOST_CHAINED = 4096;

/** Where a program is, or how it ended. Statuses and residual count are those of the last CCW. */
export interface Progress {
  /** More to do; something to tell the guest, then more to do; ended. */
  readonly kind: 'running' | 'interruption' | 'ended';
  /** Address behind the last CCW. */
  readonly address: number;
  readonly deviceStatus: number;
  readonly subchannelStatus: number;
  readonly count: number;
}

export class ChannelRun {
  readonly #storage: HostStorage;
  readonly #device: IoDevice;
  readonly #block: number;
  #next: number;
  #last = 0;

  constructor(orb: Uint8Array, storage: HostStorage, device: IoDevice) {
    this.#storage = storage;
    this.#device = device;
    this.#block = ORB.get(orb, 'i2k') === 0 ? 4096 : 2048;
    this.#next = ORB.get(orb, 'address');
    device.restart();
  }

  /** Carries out up to `commands` commands. */
  advance(commands: number): Progress {
    try {
      for (let done = 0; done < commands; done++) {
        const progress = this.#command();
        if (progress.kind !== 'running') return progress;
      }
      return this.#progress('running');
    } catch (error) {
      if (!(error instanceof ChannelCheck)) throw error;
      return this.#progress('ended', { subchannelStatus: error.status });
    }
  }

  #command(): Progress {
    const ccws = this.#fetchCommand();
    const [first] = ccws;
    const last = ccws[ccws.length - 1];
    const data = new DataPath(this.#storage, ccws, this.#block);
    const deviceStatus = this.#device.execute(first.command, data);
    this.#next = last.address + CCW.size;
    const used = lastUsed(ccws, data.moved);
    this.#last = used.ccw.address;
    const wrongLength = data.moved < data.capacity || data.overran;
    const suppressed =
      (used.ccw.flags & (CCW_FLAGS.suppressLength | CCW_FLAGS.dataChaining)) === CCW_FLAGS.suppressLength;
    const subchannelStatus = wrongLength && !suppressed ? SUBCHANNEL_STATUS.incorrectLength : 0;
    const outcome = { deviceStatus, subchannelStatus, count: used.residual };
    const broken = subchannelStatus !== 0 || (deviceStatus & DEVICE_STATUS.unitCheck) !== 0;
    if (broken || (last.flags & CCW_FLAGS.commandChaining) === 0) return this.#progress('ended', outcome);
    if ((deviceStatus & DEVICE_STATUS.modifier) !== 0) this.#next += CCW.size;
    const interrupts = ccws.some(({ flags }) => (flags & CCW_FLAGS.interruption) !== 0);
    if (!interrupts) return this.#progress('running');
    return this.#progress('interruption', { subchannelStatus: SUBCHANNEL_STATUS.interruption });
  }

  /** The CCWs of the next command: one, or, with data chaining, several. */
  #fetchCommand(): FetchedCcw[] {
    const ccws = [this.#fetch(this.#next)];
    if ((ccws[0].command & 0x0f) === 0) throw new ChannelCheck(SUBCHANNEL_STATUS.programCheck);
    for (let ccw = ccws[0]; (ccw.flags & CCW_FLAGS.dataChaining) !== 0; ccws.push(ccw)) {
      if (ccws.length === MOST_CHAINED) throw new ChannelCheck(SUBCHANNEL_STATUS.programCheck);
      ccw = this.#fetch(ccw.address + CCW.size);
    }
    return ccws;
  }

  /** The CCW at `address`, or that to which a transfer there leads; two transfers in a row are a program check. */
  #fetch(address: number): FetchedCcw {
    this.#last = address;
    let ccw = fetchCcw(this.#storage, address);
    if (ccw.command === TIC) {
      this.#last = ccw.data;
      ccw = fetchCcw(this.#storage, ccw.data);
    }
    if (ccw.command === TIC || (ccw.flags & CCW_FLAGS.suspend) !== 0) {
      throw new ChannelCheck(SUBCHANNEL_STATUS.programCheck);
    }
    return ccw;
  }

  #progress(kind: Progress['kind'], outcome: Partial<Progress> = {}): Progress {
    return { kind, address: this.#last + CCW.size, deviceStatus: 0, subchannelStatus: 0, count: 0, ...outcome };
  }
}

/** The CCW in whose area a transfer of `moved` bytes ended, and what was left of that area. */
function lastUsed(ccws: readonly FetchedCcw[], moved: number): { ccw: FetchedCcw; residual: number } {
  let end = 0;
  for (const ccw of ccws) {
    end += ccw.count;
    if (moved < end) return { ccw, residual: end - moved };
  }
  return { ccw: ccws[ccws.length - 1], residual: 0 };
}
