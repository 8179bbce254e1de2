/**
 * How far a durable reader of events has come, kept on the server. Every step is a compare-and-set, so that of two readers with
 * one name the slower one is told, and never takes the other back. One program's.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { MediatedError } from '@mediated/core';
import { isUnanswered, refusalOf } from './connection.js';
import { checkName } from './names.js';
import { readerKey, readerRecord } from './records.js';
import type { Store } from './store.js';

export class Place {
  readonly #store: Store;
  readonly #key: string;
  #revision: number;
  #sequence: number | undefined;

  private constructor(store: Store, key: string, revision: number, sequence: number | undefined) {
    this.#store = store;
    this.#key = key;
    this.#revision = revision;
    this.#sequence = sequence;
  }

  /** `first`: where a reader is that is new. */
  static async open(store: Store, reader: string, first: number | undefined): Promise<Place> {
    const key = readerKey(checkName(reader, 'a reader of events'));
    const found = await store.read('hosts', key, readerRecord);
    const place = new Place(store, key, found?.revision ?? 0, found?.value.sequence);
    if (found === undefined && first !== undefined) await place.move(first);
    return place;
  }

  /** The server forgets a reader. */
  static async forget(store: Store, reader: string): Promise<void> {
    const found = await store.read('hosts', readerKey(checkName(reader, 'a reader of events')), readerRecord);
    if (found !== undefined) await store.erase('hosts', found.revision);
  }

  /** The event that was read last; undefined when the reader is new. */
  get sequence(): number | undefined {
    return this.#sequence;
  }

  /** Everything up to `sequence` is read. EBUSY: another reader of that name is at work. Waits while the server is away. */
  async move(sequence: number): Promise<void> {
    for (;;) {
      try {
        const revision = await this.#store.write('hosts', this.#key, { sequence }, this.#revision);
        const moved = revision ?? (await this.#written(sequence));
        if (moved === undefined) {
          throw new MediatedError('EBUSY', `another reader ${this.#key.slice(7)} is at work`, { syscall: 'read' });
        }
        this.#revision = moved;
        this.#sequence = sequence;
        return;
      } catch (error) {
        if (!isUnanswered(error) || this.#store.connection.isClosed()) throw refusalOf(error, 'read', this.#key);
        await pause(this.#store.record.lease / 12);
      }
    }
  }

  /** The revision of a step that was written without its answer having come. */
  async #written(sequence: number): Promise<number | undefined> {
    const found = await this.#store.read('hosts', this.#key, readerRecord);
    return found?.value.sequence === sequence ? found.revision : undefined;
  }
}
