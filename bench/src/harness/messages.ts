/**
 * What the child process of a part sends to the main process over IPC: how far it is, any number of times, then its
 * result. Sent by `alternate.ts` and `part.worker.ts`, understood by `run-part.ts`.
 */
import type { PartResult } from './part.js';

/** A round has ended. */
export interface RoundMessage {
  readonly kind: 'round';
  /** 0 is the one that warms up. */
  readonly round: number;
  readonly rounds: number;
}

/** The last message. */
export interface ResultMessage {
  readonly kind: 'result';
  readonly result: PartResult;
}

export type PartMessage = RoundMessage | ResultMessage;
