/** What the thread that started a runtime and its doorman tell each other. */
import type { MediatedError } from '@mediated/core';
import type { ActorHandle, ClientTicket } from '@mediated/core/actor';

/** What the doorman is started with. */
export interface DoormanOptions {
  readonly ticket: ClientTicket;
  /** Event counter by which it is woken to end; the starting thread's. */
  readonly wake: number;
  /** One word: not 0 from when it is to end. */
  readonly stop: Int32Array<SharedArrayBuffer>;
  /** Of what it has open itself. */
  readonly ledger: Int32Array<SharedArrayBuffer>;
}

/** A device at whose socket it is to wait. */
export interface DoorOptions {
  readonly path: string;
  readonly attendant: ActorHandle;
  /** One word: not 0 from when the socket is to go. */
  readonly stop: Int32Array<SharedArrayBuffer>;
  /** What the attendant holds. */
  readonly ledger: Int32Array<SharedArrayBuffer>;
  /** What the attendant's thread needs to wait. */
  readonly waiting: Int32Array<SharedArrayBuffer>;
}

/** What it is told; a door is known by a number of its own. */
export type DoormanOrder =
  | { readonly kind: 'open'; readonly door: number; readonly options: DoorOptions }
  | { readonly kind: 'close'; readonly door: number };

/** What it tells: `listening` or `failed` once for each door that was to be opened, `closed` after `listening`. */
export type DoorNews =
  | { readonly kind: 'listening' | 'closed'; readonly door: number }
  | {
      readonly kind: 'failed';
      readonly door: number;
      readonly code: MediatedError['code'];
      readonly message: string;
    };
