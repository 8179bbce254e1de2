/**
 * The file that Perfetto opens: records of threads as Chrome's JSON trace events, written as they come. One track per thread;
 * what overlaps there without one being inside the other goes to further tracks of the thread. Main thread, one per file.
 */
import type { TraceBatch } from '../control/protocol.js';
import type { TraceRecord } from './trace-record.js';

/** Tracks of one thread, at most: track numbers are the thread's times this, plus the lane. */
const MOST_LANES = 1000;
/** Everything is one process to Perfetto. */
const PROCESS = 1;

/** A span that has begun. */
interface OpenSpan {
  readonly name: string;
  readonly subject: string;
  readonly at: number;
  readonly lane: number;
  readonly details: TraceRecord['details'];
}

interface Track {
  readonly name: string;
  readonly open: OpenSpan[];
  /** How many open spans each lane has; a lane without any is free. */
  readonly lanes: number[];
}

export class PerfettoTrace {
  readonly #write: (text: string) => void;
  readonly #tracks = new Map<number, Track>();
  #begun = false;
  #first: number | undefined;
  #latest = 0;
  #spans = 0;
  #lost = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Spans and moments written so far. */
  get events(): number {
    return this.#spans;
  }

  /** Records that were left out. */
  get lost(): number {
    return this.#lost;
  }

  /** Records that nobody knows the thread of were left out. */
  addLost(count: number): void {
    this.#lost += count;
  }

  add({ thread, name, records, lost }: TraceBatch): void {
    this.#lost += lost;
    const track = this.#trackOf(thread, name);
    for (const record of records) {
      this.#first ??= record.at;
      this.#latest = Math.max(this.#latest, record.at);
      if (record.phase === 'begin') this.#open(thread, track, record);
      else if (record.phase === 'end') this.#close(thread, track, record);
      else this.#mark(thread, record);
    }
  }

  /** Ends what is still open where the recording ends, and the file. */
  end(): void {
    for (const [thread, { open }] of this.#tracks) {
      for (const span of open) this.#span(thread, span, this.#latest, { unfinished: 'when the recording ended' });
    }
    this.#write(`${this.#begun ? '' : '{"displayTimeUnit":"ns","traceEvents":['}\n]}\n`);
  }

  #trackOf(thread: number, name: string): Track {
    const known = this.#tracks.get(thread);
    if (known?.name === name) return known;
    // The number of a thread that has ended may be another's now; what it left open will not end.
    for (const span of known?.open ?? [])
      this.#span(thread, span, this.#latest, { unfinished: 'its thread has ended' });
    const track: Track = { name, open: [], lanes: [] };
    this.#tracks.set(thread, track);
    if (!this.#begun) this.#event({ ph: 'M', pid: PROCESS, name: 'process_name', args: { name: 'mediated' } });
    this.#nameLane(thread, track, 0);
    return track;
  }

  #nameLane(thread: number, { name, lanes }: Track, lane: number): void {
    lanes[lane] = 0;
    const tid = thread * MOST_LANES + lane + 1;
    const shown = lane === 0 ? name : `${name} (${lane + 1})`;
    this.#event({ ph: 'M', pid: PROCESS, tid, name: 'thread_name', args: { name: shown } });
    this.#event({ ph: 'M', pid: PROCESS, tid, name: 'thread_sort_index', args: { sort_index: tid } });
  }

  /** Beside what is open for the same subject, inside of it; else on a lane of its own. */
  #open(thread: number, track: Track, { name, subject, at, details }: TraceRecord): void {
    const { lanes, open } = track;
    let lane = open.findLast((span) => span.subject === subject && subject !== '')?.lane ?? -1;
    if (lane < 0) lane = lanes.findIndex((count, index) => index < MOST_LANES && count === 0);
    if (lane < 0) {
      lane = Math.min(lanes.length, MOST_LANES - 1);
      if (lane === lanes.length) this.#nameLane(thread, track, lane);
    }
    lanes[lane]++;
    open.push({ name, subject, at, lane, details });
  }

  #close(thread: number, { lanes, open }: Track, { name, subject, at, details }: TraceRecord): void {
    const index = open.findLastIndex((span) => span.name === name && span.subject === subject);
    // It began before the recording did.
    if (index < 0) return;
    const [span] = open.splice(index, 1);
    lanes[span.lane]--;
    this.#span(thread, span, at, details);
  }

  #span(
    thread: number,
    { name, subject, at, lane, details }: OpenSpan,
    end: number,
    more: TraceRecord['details'],
  ): void {
    this.#spans++;
    this.#event({
      ph: 'X',
      pid: PROCESS,
      tid: thread * MOST_LANES + lane + 1,
      cat: name.replaceAll(' ', '-'),
      name: titleOf(name, subject),
      ts: this.#time(at),
      dur: round(Math.max(0, end - at)),
      args: { subject, ...details, ...more },
    });
  }

  #mark(thread: number, { name, subject, at, details }: TraceRecord): void {
    this.#spans++;
    this.#event({
      ph: 'i',
      s: 't',
      pid: PROCESS,
      tid: thread * MOST_LANES + 1,
      cat: name.replaceAll(' ', '-'),
      name: titleOf(name, subject),
      ts: this.#time(at),
      args: { subject, ...details },
    });
  }

  #event(event: Readonly<Record<string, unknown>>): void {
    this.#write(`${this.#begun ? ',' : '{"displayTimeUnit":"ns","traceEvents":['}\n${JSON.stringify(event)}`);
    this.#begun = true;
  }

  /** Microseconds since the first record, in nanoseconds' steps. */
  #time(at: number): number {
    return round(at - (this.#first ?? at));
  }
}

function titleOf(name: string, subject: string): string {
  return subject === '' ? name : `${name} ${subject.length === 36 ? subject.slice(0, 8) : subject}`;
}

function round(microseconds: number): number {
  return Math.round(microseconds * 1000) / 1000;
}
