/**
 * The subchannels of one of the driver's threads, by the parents that they are, each with the emulated machine behind it.
 * Called by the driver's callbacks and the parents' attributes. A subchannel lives on one thread, because an interrupt
 * and a request of the guest must find the same state: the parent's word `thread` names it (0: none yet, else the
 * thread's place among the driver's, plus one; set once, by compare-and-swap, by whichever thread needs it first).
 */
import { MediatedError, type MdevParent } from '@mediated/core';
import { Disk } from './emulation/disk.js';
import { EmulatedSubchannel, type Soon } from './emulation/machine.js';
import { type CcwSetup, defaultAttachment, subchannelIdentity } from './options.js';
import { Subchannel } from './subchannel.js';

/** A subchannel and what it is made of. */
export interface MachineSubchannel {
  readonly subchannel: Subchannel;
  readonly machine: EmulatedSubchannel;
}

export class ChannelSubsystem {
  readonly #setup: CcwSetup;
  readonly #thread: number;
  readonly #soon: Soon;
  readonly #subchannels = new WeakMap<MdevParent, MachineSubchannel>();

  /** `shard`: the thread's place among the driver's threads. */
  constructor(setup: CcwSetup, shard: number, soon: Soon) {
    this.#setup = setup;
    this.#thread = shard + 1;
    this.#soon = soon;
  }

  /** The subchannel that a parent is. EINVAL: it lives on another thread. */
  of(parent: MdevParent): MachineSubchannel {
    const known = this.#subchannels.get(parent);
    if (known !== undefined) return known;
    const owner = Atomics.compareExchange(parent.memory.thread, 0, 0, this.#thread);
    if (owner !== 0 && owner !== this.#thread) {
      throw new MediatedError(
        'EINVAL',
        `subchannel ${parent.name} lives on another thread: register it with one thread`,
      );
    }
    const { disk } = parent.memory;
    const { geometry, subchannels } = this.#setup;
    const device = new Disk(new Uint8Array(disk.buffer, disk.byteOffset, disk.byteLength), geometry);
    const machine = new EmulatedSubchannel(
      subchannels[parent.name] ?? defaultAttachment(parent.name),
      device,
      this.#soon,
    );
    const subchannel = new Subchannel(parent.name, subchannelIdentity(parent.name), machine, () => parent.unplug());
    machine.interrupt = () => subchannel.interrupt();
    const made = { subchannel, machine };
    this.#subchannels.set(parent, made);
    return made;
  }
}
