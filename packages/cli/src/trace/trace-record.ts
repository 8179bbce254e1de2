/** One thing that happened on a thread, as it travels from there to the file. */
export interface TraceRecord {
  /** A span begins, a span ends, or a moment. */
  readonly phase: 'begin' | 'end' | 'mark';
  /** `create`, `probe`, `remove`, `unbind`, `lock wait`, `device open`... */
  readonly name: string;
  /** Microseconds of the machine's monotonic clock: the same for all threads. */
  readonly at: number;
  /** What a span belongs to: the UUID, the lock. An end closes the latest begin of its name and subject. */
  readonly subject: string;
  /** Texts that are shown with it. */
  readonly details?: Readonly<Record<string, string>>;
}
