/**
 * A client that creates and removes devices as fast as it can, and remembers what it was told. Afterwards `complaints` compares
 * that with what hosts have.
 */
import { isMediatedError } from '@mediated/core';
import type { Fleet, Placed } from '@mediated/fleet';
import type { HostReport } from './host.fixture.js';

/** Numbers that follow from a seed. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Devices that one client keeps at most. */
const MOST_KEPT = 12;
/** UUIDs that all clients fight for. */
const CONTESTED = 6;

export class StormClient {
  readonly #fleet: Fleet;
  readonly #number: number;
  readonly #below: (below: number) => number;
  /** Own devices that were acknowledged and that nobody was asked to remove. */
  readonly #kept = new Map<string, Placed>();
  /** Own UUIDs whose removal was acknowledged. */
  readonly #removed = new Set<string>();
  #next = 0;
  #stopped = false;
  operations = 0;
  /** What it waits for. */
  doing = '';
  readonly wrong: string[] = [];

  constructor(fleet: Fleet, number: number, seed: number) {
    this.#fleet = fleet;
    this.#number = number;
    this.#below = random(seed + number);
  }

  stop(): void {
    this.#stopped = true;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      const choice = this.#below(10);
      if (choice < 2) await this.#contest();
      else if (choice < 6 && this.#kept.size < MOST_KEPT) await this.#create();
      else await this.#remove();
      this.operations++;
      // Where every answer comes at once the event loop would never turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #create(): Promise<void> {
    const count = 1 + this.#below(3);
    const uuids = Array.from({ length: count }, () => this.#uuid(this.#number, this.#next++));
    const policy = this.#below(2) === 0 ? 'spread' : 'pack';
    this.doing = `create ${uuids.join(' ')}`;
    const { created, failed } = await this.#fleet.create({ type: 'mtty-1', uuids, policy, deadline: 15_000 });
    for (const placed of created) this.#kept.set(placed.uuid, placed);
    for (const { uuid, error } of failed) {
      this.#removed.add(uuid);
      if (!['EUSERS', 'ENODEV', 'ENOENT', 'ESTALE', 'EIO', 'ENOSPC'].includes(error.code))
        this.wrong.push(String(error));
      if (error.code === 'EIO') this.#removed.delete(uuid);
    }
  }

  async #remove(): Promise<void> {
    const devices = [...this.#kept.values()];
    if (devices.length === 0) return;
    const { uuid, host, epoch } = devices[this.#below(devices.length)];
    this.#kept.delete(uuid);
    this.doing = `remove ${uuid} of ${host}`;
    try {
      await this.#fleet.remove(uuid);
      this.#removed.add(uuid);
    } catch (error) {
      if (isMediatedError(error, 'EIO') || isMediatedError(error, 'ESTALE')) return;
      // Gone with its host's epoch, and with nothing else.
      if (isMediatedError(error, 'ENODEV') && this.#fleet.host(host)?.epoch !== epoch) return;
      if (isMediatedError(error, 'ENODEV') && this.#fleet.host(host)?.state !== 'live') return;
      this.wrong.push(`remove ${uuid} of ${host}: ${error}`);
    }
  }

  /** Everybody wants the same UUID, or wants it gone; whatever comes of it, it is there once at most. */
  async #contest(): Promise<void> {
    const uuid = this.#uuid(99, this.#below(CONTESTED));
    this.doing = `create or remove ${uuid}`;
    if (this.#below(2) === 0) await this.#fleet.create({ type: 'mtty-2', uuids: [uuid], deadline: 15_000 });
    else await this.#fleet.remove(uuid).catch(() => {});
  }

  #uuid(owner: number, number: number): string {
    const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
    return `${hex(owner, 8)}-0000-4000-8000-${hex(number, 12)}`;
  }

  /** What hosts have that this client was told otherwise of. */
  complaints(reports: readonly HostReport[]): string[] {
    const there = new Map(reports.flatMap(({ epoch, devices }) => devices.map((uuid) => [uuid, epoch])));
    const epochs = new Set(reports.map(({ epoch }) => epoch));
    const lost = [...this.#kept.values()].filter(({ uuid, epoch }) => epochs.has(epoch) && there.get(uuid) !== epoch);
    const risen = [...this.#removed].filter((uuid) => there.has(uuid));
    return [
      ...this.wrong,
      ...lost.map(({ uuid, host }) => `${uuid} was acknowledged on ${host} and is not there`),
      ...risen.map((uuid) => `${uuid} was gone for certain and is there`),
    ];
  }
}
