/** A process that uses files as a shell or mdevctl does: each operation opens, reads or writes, and closes. Told what by messages. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** A turn of the client. */
export type Turn =
  /** Opens, reads, closes for so many milliseconds. */
  | { readonly kind: 'read'; readonly path: string; readonly milliseconds: number }
  /** The same with a write that is refused with this errno. */
  | {
      readonly kind: 'refused';
      readonly path: string;
      readonly text: string;
      readonly code: string;
      readonly milliseconds: number;
    }
  /** Writes each text to its file; every write must succeed. */
  | { readonly kind: 'accepted'; readonly writes: readonly (readonly [path: string, text: string])[] };

/** What came of it. */
export interface TurnResult {
  readonly operations: number;
  readonly milliseconds: number;
  /** Answers that were not the right one, in words. */
  readonly wrong: readonly string[];
}

const page = Buffer.alloc(4096);

function write(path: string, text: string): string {
  const descriptor = openSync(path, 'w');
  try {
    writeSync(descriptor, text);
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    closeSync(descriptor);
  }
}

function read(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    return readSync(descriptor, page, 0, page.length, null) > 0 ? '' : 'nothing was read';
  } finally {
    closeSync(descriptor);
  }
}

function perform(turn: Turn): TurnResult {
  const wrong: string[] = [];
  const start = performance.now();
  let operations = 0;
  if (turn.kind === 'accepted') {
    for (const [path, text] of turn.writes) {
      const code = write(path, text);
      operations++;
      if (code !== '') wrong.push(`${text} to ${path}: ${code}`);
    }
  } else {
    const wanted = turn.kind === 'read' ? '' : turn.code;
    const end = start + turn.milliseconds;
    while (performance.now() < end) {
      const code = turn.kind === 'read' ? read(turn.path) : write(turn.path, turn.text);
      operations++;
      if (code !== wanted) wrong.push(`${turn.path}: ${code}`);
    }
  }
  return { operations, milliseconds: performance.now() - start, wrong: wrong.slice(0, 10) };
}

// Ctrl-C reaches this process too; who has started it ends it, before the tree goes.
process.on('SIGINT', () => {});
process.on('message', (turn: Turn) => {
  process.send?.(perform(turn));
});
