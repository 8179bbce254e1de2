/** Entry of the workqueue's pool threads: loads a module and calls one of its exports. Started by `workqueue.ts` only. */
import { toWire } from '../errors.js';
import type { Outcome } from './thread-control.js';
import type { WorkItem } from './workqueue.js';

export default async function run(item: WorkItem): Promise<Outcome<unknown>> {
  try {
    const module = (await import(item.module)) as Record<string, (...args: unknown[]) => unknown>;
    return { value: await module[item.export](...item.args) };
  } catch (error) {
    return { error: toWire(error) };
  }
}
