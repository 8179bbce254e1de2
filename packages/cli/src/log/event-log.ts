/**
 * The log of a runtime on stderr: what its threads tell on their diagnostics channels, as lines of JSON or text, written by pino.
 * Supervising thread; one per `mediated up --log`. Neither pino is loaded without it.
 */
import type { Runtime } from '@mediated/core';
import type { Logger } from 'pino';
import { isLive } from '../terminal.js';
import { Recorder } from '../trace/recorder.js';
import { LogEntries, type LogLevel } from './entries.js';

export type LogFormat = 'json' | 'text';

const STDERR = 2;

export class EventLog {
  readonly #recorder: Recorder;

  private constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** Begins; all threads are heard once it resolves. */
  static async start(runtime: Runtime, format: LogFormat, level: LogLevel): Promise<EventLog> {
    const logger = await loggerOf(format, level);
    const entries = new LogEntries();
    const recorder = await Recorder.start(runtime, (batch) => {
      for (const { level: own, message, fields } of entries.of(batch)) logger[own](fields, message);
    });
    return new EventLog(recorder);
  }

  /** Ends when everything that has happened was written. */
  stop(): Promise<void> {
    return this.#recorder.stop();
  }
}

/** Written at once: a log that is buffered lacks its end when the process is killed. */
async function loggerOf(format: LogFormat, level: LogLevel): Promise<Logger> {
  const { pino } = await import('pino');
  const options = { level, base: null, formatters: { level: (label: string) => ({ level: label }) } };
  if (format === 'json') {
    const isoTime = pino.stdTimeFunctions.isoTime;
    return pino({ ...options, timestamp: isoTime }, pino.destination({ dest: STDERR, sync: true }));
  }
  const { default: pretty } = await import('pino-pretty');
  const colorize = isLive(process.stderr) && !process.env.NO_COLOR;
  const lines = { colorize, singleLine: true, translateTime: 'HH:MM:ss.l', destination: STDERR, sync: true };
  return pino(options, pretty(lines));
}
