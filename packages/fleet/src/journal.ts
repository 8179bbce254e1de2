/**
 * Appends a host's events to the fleet's stream, each once and those of one device in their order. What is under way at a time
 * has at most one event per device, so that an append whose answer stays out and is tried again cannot overtake or be overtaken
 * by another of its device. The server takes a second append of the same name for the first; when the outage was longer than it
 * remembers, the last event of the device in the stream says whether it is there.
 * The queue is bounded: a server that is away for long costs events, told as one `dropped`, and never makes the host wait.
 * Main thread of a host.
 */
import { isUnanswered } from './connection.js';
import { WHOLE_HOST } from './names.js';
import { type EventRecord, eventRecord, type HostRecord } from './records.js';
import { decode, encode } from './shape.js';
import type { Store } from './store.js';

/** What a host tells of itself or of a device. */
export type Telling = Pick<EventRecord, 'action'> &
  Partial<Pick<EventRecord, 'uuid' | 'subsystem' | 'devpath' | 'parent' | 'count'>>;

const MOST_WAITING = 65_536;
const MOST_UNDER_WAY = 256;

export class Journal {
  readonly #store: Store;
  readonly #host: HostRecord;
  #number = 0;
  #queue: EventRecord[] = [];
  #dropped = 0;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(store: Store, host: HostRecord) {
    this.#store = store;
    this.#host = host;
  }

  /** Takes an event; never waits. */
  tell(telling: Telling): void {
    if (this.#closed) return;
    if (this.#queue.length >= MOST_WAITING) {
      this.#dropped++;
      return;
    }
    const { name: host, epoch } = this.#host;
    this.#queue.push({
      host,
      epoch,
      number: ++this.#number,
      action: telling.action,
      uuid: telling.uuid,
      subsystem: telling.subsystem,
      devpath: telling.devpath,
      parent: telling.parent,
      count: telling.count,
    });
    this.#start();
  }

  /** So many events were lost before they came here. */
  missed(count: number): void {
    this.#dropped += count;
    this.#tellDropped();
  }

  /** Resolves when everything is in the stream. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Waits for what is under way, at most so many milliseconds; the rest is given up. */
  async close(patience: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience);
    });
    await Promise.race([this.settled(), late]);
    clearTimeout(timer);
    this.#closed = true;
  }

  #start(): void {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Told after the last look at the queue.
      if (this.#queue.length > 0 && !this.#closed) this.#start();
    });
  }

  async #run(): Promise<void> {
    // What is told in one turn goes together, after what is answered in it.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0 && !this.#closed) {
      const batch = this.#takeBatch();
      let left = await this.#append(batch, false);
      while (left.length > 0 && !this.#closed && !this.#store.connection.isClosed()) {
        await new Promise((resolve) => setTimeout(resolve, this.#store.record.lease / 12));
        left = await this.#append(left, true);
      }
      this.#tellDropped();
    }
  }

  /** The longest beginning of the queue that has no device twice. */
  #takeBatch(): EventRecord[] {
    const subjects = new Set<string>();
    let length = 0;
    for (const { uuid = WHOLE_HOST } of this.#queue) {
      if (subjects.has(uuid) || length === MOST_UNDER_WAY) break;
      subjects.add(uuid);
      length++;
    }
    const batch = this.#queue.slice(0, length);
    this.#queue = this.#queue.slice(length);
    return batch;
  }

  /** Answers those of which it is open whether they were appended. */
  async #append(batch: readonly EventRecord[], again: boolean): Promise<EventRecord[]> {
    const { names } = this.#store;
    const open: EventRecord[] = [];
    const appends = batch.map(async (event) => {
      try {
        if (again && (await this.#isThere(event))) return;
        const { host, epoch, number, uuid = WHOLE_HOST } = event;
        const msgID = `${host}.${epoch}.${number}`;
        await this.#store.jetstream.publish(names.event(host, uuid), encode(event), { msgID, retries: 0 });
      } catch (error) {
        if (!isUnanswered(error)) process.emitWarning(error as Error);
        open.push(event);
      }
    });
    await Promise.all(appends);
    return open;
  }

  async #isThere({ host, epoch, number, uuid = WHOLE_HOST }: EventRecord): Promise<boolean> {
    const { manager, names } = this.#store;
    const last = await manager.streams.getMessage(names.events, { last_by_subj: names.event(host, uuid) });
    if (last === null) return false;
    const { epoch: lastEpoch, number: lastNumber } = decode(last.data, eventRecord, 'an event');
    return lastEpoch === epoch && lastNumber >= number;
  }

  #tellDropped(): void {
    const count = this.#dropped;
    if (count === 0 || this.#queue.length >= MOST_WAITING) return;
    this.#dropped = 0;
    this.tell({ action: 'dropped', count });
  }
}
