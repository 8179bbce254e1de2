/**
 * Gives an explored thread its own time: `Date`, `performance.now`, timers, immediates and `Math.random` follow the
 * thread's virtual clock while an execution is on. Called once per worker, before the code under test is imported.
 * `os.availableParallelism()` is 1 from then on: spinning is of no use where the scheduler decides who goes on.
 */
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import timers from 'node:timers';
import type { ExploredThread } from './explored-thread.js';
import { VirtualTimer } from './virtual-timer.js';

/** 2000-01-01: when every execution begins. */
const EPOCH = 946_684_800_000;

type Callback = (...args: unknown[]) => void;

/** Replaces the clocks and timers of this worker. */
export function patchTime(thread: ExploredThread): void {
  const { tasks } = thread;
  const RealDate = Date;
  const realNow = performance.now.bind(performance);
  const realRandom = Math.random;
  const virtualNow = () => Math.floor(EPOCH + tasks.clock.now());
  class VirtualDate extends RealDate {
    constructor(...args: unknown[]) {
      if (args.length === 0 && thread.running) super(virtualNow());
      else super(...(args as [number]));
    }
    static override now(): number {
      return thread.running ? virtualNow() : RealDate.now();
    }
  }
  globalThis.Date = VirtualDate as DateConstructor;
  performance.now = () => (thread.running ? tasks.clock.now() : realNow());
  Math.random = () => (thread.running ? tasks.random() : realRandom());

  const real = { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate };
  // What a timer of the code under test throws would end the thread, and so the execution.
  const guarded = (callback: Callback, args: unknown[]) => () => {
    try {
      callback(...args);
    } catch (error) {
      if (thread.unwinding) return;
      thread.fail(error);
    }
  };
  const start =
    (repeats: boolean) =>
    (callback: Callback, delay?: number, ...args: unknown[]) => {
      if (thread.running) return tasks.addTimer(guarded(callback, args), delay ?? 1, repeats);
      return (repeats ? real.setInterval : real.setTimeout)(callback, delay, ...args);
    };
  const stop = (timer: unknown) => {
    if (timer instanceof VirtualTimer) tasks.clear(timer);
    else real.clearTimeout(timer as NodeJS.Timeout);
  };
  const virtual = {
    setTimeout: start(false),
    setInterval: start(true),
    setImmediate: (callback: Callback, ...args: unknown[]) => {
      if (!thread.running) return real.setImmediate(callback, ...args);
      return new VirtualImmediate(thread, tasks.addImmediate(guarded(callback, args)));
    },
    clearTimeout: stop,
    clearInterval: stop,
    clearImmediate: (immediate: unknown) => {
      if (immediate instanceof VirtualImmediate) tasks.clearImmediate(immediate.ticket);
      else real.clearImmediate(immediate as NodeJS.Immediate);
    },
  };
  Object.assign(globalThis, virtual);
  Object.assign(timers, virtual);
  os.availableParallelism = () => 1;
  syncBuiltinESMExports();
}

/** An immediate as the code under test sees it. */
class VirtualImmediate {
  constructor(
    readonly thread: ExploredThread,
    readonly ticket: number,
  ) {}

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  [Symbol.dispose](): void {
    this.thread.tasks.clearImmediate(this.ticket);
  }
}
