/**
 * The control calls of a hosting thread: rare, with arguments that a port clones, each answered once and in any order. Everything
 * frequent takes the inbox instead. `hosted-thread.ts` calls, `thread-main.ts` serves; each end belongs to its thread, and nothing
 * is shared.
 */
import type { MessagePort } from 'node:worker_threads';
import { type Outcome, outcomeOf, resultOf } from './outcome.js';
import type { ThreadControl } from './thread-control.js';

type Command = keyof ThreadControl;

interface Request<C extends Command = Command> {
  readonly number: number;
  readonly command: C;
  readonly args: Parameters<ThreadControl[C]>;
}

interface Answer {
  readonly number: number;
  readonly outcome: Outcome<unknown>;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The calling end. A thread that dies answers nothing any more: {@link ControlCalls.end} settles what waits for it. */
export class ControlCalls {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #ended: Error | undefined;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', ({ number, outcome }: Answer) => {
      const waiting = this.#waiting.get(number);
      this.#waiting.delete(number);
      try {
        waiting?.resolve(resultOf(outcome));
      } catch (error) {
        waiting?.reject(error);
      }
    });
  }

  /** Rejects with what the command has thrown, with a DataCloneError for arguments that cannot be sent, or with the end. */
  call<C extends Command>(
    command: C,
    ...args: Parameters<ThreadControl[C]>
  ): Promise<Awaited<ReturnType<ThreadControl[C]>>> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw this.#ended;
      const number = ++this.#last;
      const request: Request<C> = { number, command, args };
      this.#port.postMessage(request);
      this.#waiting.set(number, { resolve: resolve as Waiting['resolve'], reject });
    });
  }

  /** The thread has ended: rejects the calls under way, and all later ones. */
  end(error: Error): void {
    this.#ended = error;
    this.#port.close();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** The serving end; answers until the port is closed. */
export function serveControl(port: MessagePort, control: ThreadControl): void {
  port.on('message', async ({ number, command, args }: Request) => {
    const run = control[command] as (...args: unknown[]) => unknown;
    const answer: Answer = { number, outcome: await outcomeOf(() => run(...args)) };
    port.postMessage(answer);
  });
}
