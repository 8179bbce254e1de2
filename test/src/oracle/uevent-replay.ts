/**
 * Replays a recording of uevents (03): each step's result and the events that it caused, with all their variables in
 * their order. SEQNUM, which counts from another start there, must run on without a gap as it did there.
 */
import type { AttributeFile, Mdev, Uevent } from '@mediated/core';
import { SOME_UUID, UUID } from './action.js';
import { DeviceFiles } from './device-files.js';
import { HeldFiles } from './held-files.js';
import { Machine, resultOf } from './machine.js';
import { MODULES } from './modules.js';
import { type Fields, type Recording, text } from './recording.js';
import { showResult, type Tally } from './tally.js';

/** A recorded event: `ACTION@DEVPATH`, then the variables. */
type RecordedEvent = readonly string[];

const NOT_OURS = 'modules below the vendor drivers (mdev, vfio, vfio_iommu_type1)';
const NOT_UNDERSTOOD = 'words not understood';

/** `machine`: the one that answers; closed at the end. */
export async function replayUevents(recording: Recording, tally: Tally, machine = new Machine()): Promise<void> {
  try {
    const replay = new UeventReplay(machine, tally, recording);
    for (const [at, fields] of recording.lines.entries()) await replay.step(at, fields);
  } finally {
    await machine.close();
  }
}

class UeventReplay {
  readonly #machine: Machine;
  readonly #tally: Tally;
  readonly #recording: string;
  readonly #label: string;
  readonly #files: DeviceFiles;
  /** UUID and type of the device at hand. */
  #uuid = SOME_UUID;
  #type = '';
  /** How much higher the recording counts; undefined after events that are not ours. */
  #ahead: number | undefined;

  constructor(machine: Machine, tally: Tally, { name, label }: Recording) {
    this.#machine = machine;
    this.#files = new DeviceFiles(machine, new HeldFiles(machine));
    this.#tally = tally;
    this.#recording = name;
    this.#label = label;
  }

  async step(at: number, fields: Fields): Promise<void> {
    const words = text(fields, 'step') ?? '';
    const kernel = (fields.events ?? []) as readonly RecordedEvent[];
    this.#machine.takeEvents();
    let ret: number | string | undefined;
    try {
      ret = await this.#perform(words, kernel);
    } catch (error) {
      ret = resultOf(error);
    }
    if (ret === undefined) {
      const reason = /^(ins|rm)mod|^start$/.test(words) ? NOT_OURS : NOT_UNDERSTOOD;
      this.#tally.skip(reason, { recording: this.#recording, line: at + 1, words }, fields.ret);
      this.#ahead = undefined;
      return;
    }
    const differences = ret === fields.ret ? [] : [`kernel ${showResult(fields.ret)}, here ${showResult(ret)}`];
    this.#compare(kernel, this.#machine.takeEvents(), differences);
    this.#tally.step(`${this.#label}:${at + 1} ${words}`, differences);
  }

  /** The result of what the words say; undefined when nothing here corresponds to it. */
  async #perform(words: string, kernel: readonly RecordedEvent[]): Promise<number | undefined> {
    const [, insert, module] = /^(ins|rm)mod (\w+)/.exec(words) ?? [];
    if (module !== undefined) {
      if (!MODULES.has(module)) return undefined;
      return insert === 'ins' ? this.#machine.insmod(module) : this.#machine.rmmod(module);
    }
    const added = uuids(kernel, 'add');
    const removed = uuids(kernel, 'remove');
    const [, many, type] = /^(\d+ x )?create (\w+-\w+)/.exec(words) ?? [];
    if (type !== undefined) {
      this.#type = type;
      if (many !== undefined) return this.#createMany(added, Number.parseInt(many, 10));
      this.#uuid = added[0] ?? crypto.randomUUID();
      return this.#write(this.#createPath(), this.#uuid);
    }
    if (/^duplicate create/.test(words)) return this.#write(this.#createPath(), this.#uuid);
    if (/^malformed create/.test(words)) return this.#write(this.#createPath(), 'no UUID');
    const value = /^remove with value (\S+)/.exec(words)?.[1];
    if (value !== undefined) return this.#write(`/sys/bus/mdev/devices/${this.#uuid}/remove`, value);
    if (/^\d+ x remove/.test(words)) {
      for (const uuid of removed) await this.#remove(uuid);
      return 0;
    }
    if (/^remove\b/.test(words)) return this.#remove(removed[0] ?? this.#uuid);
    const binding = /^(unbind|bind)\b/.exec(words)?.[1];
    if (binding !== undefined) {
      const driver = this.#machine.mdev(this.#uuid)?.parent.driver;
      return this.#write(`/sys/bus/mdev/drivers/${driver}/${binding}`, this.#uuid);
    }
    const [, quoted, bare, owner] = /^write (?:'([^']*)'|(\S+)) to (\w+) uevent/.exec(words) ?? [];
    if (owner !== undefined) return this.#write(this.#ueventPath(owner), quoted ?? bare);
    if (/^open\b.*\bdevice\b/.test(words)) {
      await this.#files.open(this.#uuid);
      return 0;
    }
    if (/^close all/.test(words)) {
      await this.#files.closeAll();
      return 0;
    }
    return undefined;
  }

  async #createMany(added: readonly string[], count: number): Promise<number> {
    for (let i = 0; i < count; i++) {
      this.#uuid = added[i] ?? crypto.randomUUID();
      await this.#write(this.#createPath(), this.#uuid);
    }
    return 0;
  }

  #remove(uuid: string): Promise<number> {
    return this.#write(`/sys/bus/mdev/devices/${uuid}/remove`, '1');
  }

  #createPath(): string {
    const parent = this.#machine.bus.parents().find((candidate) => candidate.types.some(({ id }) => id === this.#type));
    return `/sys/class/mdev_bus/${parent?.name}/mdev_supported_types/${this.#type}/create`;
  }

  #ueventPath(owner: string): string {
    const mdev: Mdev | undefined = this.#machine.mdev(this.#uuid);
    switch (owner) {
      case 'device':
        return `/sys/bus/mdev/devices/${this.#uuid}/uevent`;
      case 'parent':
        return `/sys/class/mdev_bus/${mdev?.parent.name}/uevent`;
      case 'driver':
        return `/sys/bus/mdev/drivers/${mdev?.parent.driver}/uevent`;
      default:
        return '/sys/bus/mdev/uevent';
    }
  }

  async #write(path: string, data: string): Promise<number> {
    const file: AttributeFile = await this.#machine.open(path, 'write');
    return file.write(Buffer.from(data, 'latin1'));
  }

  #compare(kernel: readonly RecordedEvent[], here: readonly Uevent[], differences: string[]): void {
    for (let i = 0; i < Math.max(kernel.length, here.length); i++) {
      const theirs = kernel[i]?.map((variable) => this.#renumber(variable, here[i]));
      const ours = here[i] === undefined ? undefined : recorded(here[i]);
      if (theirs?.join('\n') === ours?.join('\n')) continue;
      differences.push(`event ${i + 1}: kernel ${theirs?.join(' ') ?? 'none'}, here ${ours?.join(' ') ?? 'none'}`);
    }
  }

  /** A recorded SEQNUM as it would be here. */
  #renumber(variable: string, here: Uevent | undefined): string {
    const sequence = /^SEQNUM=(\d+)$/.exec(variable)?.[1];
    if (sequence === undefined) return variable;
    this.#ahead ??= here === undefined ? undefined : Number(sequence) - here.sequence;
    return `SEQNUM=${Number(sequence) - (this.#ahead ?? 0)}`;
  }
}

/** An event as the recordings give it. */
function recorded({ action, devpath, variables }: Uevent): RecordedEvent {
  return [`${action}@${devpath}`, ...variables.map(([name, value]) => `${name}=${value}`)];
}

/** The mdevs that were added or removed, in their order. */
function uuids(events: readonly RecordedEvent[], action: string): string[] {
  return events
    .filter((event) => event[0].startsWith(`${action}@`) && event.includes('SUBSYSTEM=mdev'))
    .map((event) => UUID.exec(event[0])?.[0] ?? SOME_UUID);
}
