/** What a thread and the one that sleeps for its descriptors tell each other. */

/** What the sleeping thread is started with. It tells the words that have come, an array of numbers per message. */
export interface WatchThreadOptions {
  /** Number of the kernel's set; the starting thread's. */
  readonly set: number;
  /** One word, which the starting thread alone writes: not 0 from when it is to end. Looked at whenever something has come. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}
