/**
 * The process that makes the system calls of a replay on the mounted tree, each when it is asked for: several may be blocked at
 * once. Started by `system-calls.ts`.
 */
import * as fs from 'node:fs';

export interface Call {
  readonly id: number;
  /** A function of `node:fs`. */
  readonly name: 'open' | 'read' | 'write' | 'close' | 'lstat' | 'readlink' | 'readdir';
  readonly args: readonly unknown[];
}

export interface Answer {
  readonly id: number;
  /** What it returned; text as Latin-1. */
  readonly value: unknown;
  /** Negative errno; 0: it succeeded. */
  readonly errno: number;
}

type Finish = (error: NodeJS.ErrnoException | null, value?: unknown) => void;

function perform({ name, args }: Call, finish: Finish): void {
  const [first, second] = args;
  switch (name) {
    case 'read': {
      const into = Buffer.alloc(second as number);
      fs.read(first as number, into, 0, into.length, 0, (error, count) =>
        finish(error, into.toString('latin1', 0, count)),
      );
      return;
    }
    case 'write': {
      const bytes = Buffer.from(second as Uint8Array);
      fs.write(first as number, bytes, 0, bytes.length, null, finish);
      return;
    }
    case 'open':
      fs.open(first as string, second as number, finish);
      return;
    case 'close':
      fs.close(first as number, finish);
      return;
    case 'lstat':
      fs.lstat(first as string, (error, stats) => finish(error, stats && { mode: stats.mode, size: stats.size }));
      return;
    case 'readlink':
      fs.readlink(first as string, finish);
      return;
    case 'readdir':
      fs.readdir(first as string, finish);
  }
}

process.on('message', (call: Call) => {
  perform(call, (error, value) => {
    const answer: Answer = { id: call.id, value, errno: error === null ? 0 : (error.errno ?? -5) };
    process.send?.(answer);
  });
});
