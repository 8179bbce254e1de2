/**
 * A process that makes the system calls it is told to, one after the other, and sends what came of each. Never in the process of
 * the runtime: there they would wait for themselves.
 */
import * as fs from 'node:fs';

export interface Call {
  readonly id: number;
  /** A function of `node:fs` without its `Sync`. */
  readonly name: string;
  readonly args: readonly unknown[];
}

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  /** Name of the errno. */
  readonly code?: string;
}

const functions = fs as unknown as Record<string, (...args: unknown[]) => unknown>;

function perform({ name, args }: Call): unknown {
  if (name === 'read') {
    const [descriptor, bytes, position] = args as [number, number, number | null];
    const into = Buffer.alloc(bytes);
    return into.toString('latin1', 0, fs.readSync(descriptor, into, 0, bytes, position));
  }
  const value = functions[`${name}Sync`](...args);
  if (value instanceof fs.Stats) {
    const { mode, size, ino, nlink, uid, gid } = value;
    return { mode, size, ino, nlink, uid, gid, directory: value.isDirectory(), link: value.isSymbolicLink() };
  }
  return value;
}

process.on('message', (call: Call) => {
  const send = (answer: Omit<Answer, 'id'>) => process.send?.({ id: call.id, ...answer });
  try {
    send({ value: perform(call) });
  } catch (error) {
    send({ code: (error as NodeJS.ErrnoException).code ?? String(error) });
  }
});
