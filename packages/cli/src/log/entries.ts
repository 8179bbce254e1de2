/** What the log says, from what threads have recorded. Pure; one `LogEntries` per log, as it pairs beginnings with ends. */
import type { TraceBatch } from '../control/protocol.js';
import type { TraceRecord } from '../trace/trace-record.js';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** One line of the log. */
export interface LogEntry {
  readonly level: LogLevel;
  /** What has happened: `create`, `driver loaded`... */
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** Levels of what is not told as `info`. */
const LEVELS: Readonly<Record<string, LogLevel>> = {
  'device open': 'debug',
  'device close': 'debug',
  probe: 'debug',
  unbind: 'debug',
  'lock wait': 'debug',
  'create refused': 'warn',
  'remove refused': 'warn',
  'open refused': 'warn',
  'device in use': 'warn',
  'thread restart': 'warn',
  'driver error': 'error',
  'tell failed': 'error',
  'thread died': 'error',
};

/** What the subject of a record is, by its name; a UUID for the others. */
const SUBJECTS: Readonly<Record<string, string>> = {
  'lock wait': 'lock',
  'driver loaded': 'driver',
  'driver unloaded': 'driver',
  'parent registered': 'parent',
  'parent unregistering': 'parent',
  'parent unregistered': 'parent',
  'thread start': 'thread',
  'thread stop': 'thread',
  'thread died': 'thread',
  'thread restart': 'thread',
};

/** Details that are numbers; records have them as texts. A thread's own id is `id`. */
const NUMBERS: Readonly<Record<string, string>> = {
  threads: 'threads',
  thread: 'id',
  client: 'client',
  openCount: 'openCount',
  sender: 'sender',
  actor: 'actor',
};

/** Beginnings without an end that are kept; the oldest of more are forgotten. */
const MOST_OPEN = 65_536;

export class LogEntries {
  /** When what has begun did so, in microseconds, by thread, name and subject. */
  readonly #open = new Map<string, number>();

  /** The entries of one thread's records, in their order. */
  of({ thread, name, records, lost }: TraceBatch): LogEntry[] {
    const entries = records.flatMap((record) => this.#entry(thread, name, record) ?? []);
    if (lost > 0) entries.push({ level: 'warn', message: 'not told', fields: { thread: name, records: lost } });
    return entries;
  }

  #entry(thread: number, threadName: string, record: TraceRecord): LogEntry | undefined {
    const { phase, name, at, subject, details } = record;
    const key = [thread, name, subject].join('\n');
    if (phase === 'begin') {
      this.#open.delete(key);
      this.#open.set(key, at);
      if (this.#open.size > MOST_OPEN) for (const oldest of this.#open.keys()) return void this.#open.delete(oldest);
      return undefined;
    }
    const begun = phase === 'end' ? this.#open.get(key) : undefined;
    this.#open.delete(key);
    const failed = details?.error !== undefined && phase === 'end';
    return {
      level: failed ? 'warn' : (LEVELS[name] ?? 'info'),
      message: name,
      fields: {
        ...numbered(details),
        thread: threadName,
        // The thread that it is about, where that is another.
        ...(subject === '' ? {} : { [SUBJECTS[name] ?? 'uuid']: subject }),
        ...(begun === undefined ? {} : { ms: Math.round(at - begun) / 1000 }),
      },
    };
  }
}

function numbered(details: TraceRecord['details'] = {}): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(details).map(([field, text]) => {
      const name = NUMBERS[field];
      return name === undefined ? [field, text] : [name, Number(text)];
    }),
  );
}
