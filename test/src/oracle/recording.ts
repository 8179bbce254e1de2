/**
 * Recordings of a real kernel: files of JSON lines, one step each. Read by the replayers; which of them a file is for
 * shows in its lines.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** One line: the values of its fields. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Recording {
  /** File name without `.jsonl`. */
  readonly name: string;
  /** What difference lines begin with: the name up to its first hyphen. */
  readonly label: string;
  readonly lines: readonly Fields[];
}

/** The recordings of a folder, by name. */
export function readRecordings(folder: string): Recording[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.jsonl'))
    .sort()
    .map((file) => parseRecording(basename(file, '.jsonl'), readFileSync(join(folder, file), 'utf8')));
}

export function parseRecording(name: string, text: string): Recording {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return { name, label: name.split('-')[0], lines: lines.map((line) => JSON.parse(quoteLarge(line)) as Fields) };
}

/** Puts quotes around integers that a number cannot hold: they stay texts of digits. */
function quoteLarge(line: string): string {
  return line.replace(/"(?:[^"\\]|\\.)*"|\d{16,}/g, (part) =>
    part.startsWith('"') || Number.isSafeInteger(Number(part)) ? part : `"${part}"`,
  );
}

/** A field that is text; undefined when it is absent or something else. */
export function text(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
}

/** A field that is an object of numbers, such as `avail`. */
export function numbers(fields: Fields, name: string): Readonly<Record<string, number>> | undefined {
  const value = fields[name];
  return typeof value === 'object' && value !== null ? (value as Record<string, number>) : undefined;
}

/** A field that is a list of texts, such as `devices`. */
export function texts(fields: Fields, name: string): readonly string[] | undefined {
  const value = fields[name];
  return Array.isArray(value) ? (value as string[]) : undefined;
}
