/** Entry of the workqueue's pool threads: loads a module and calls one of its exports. Started by `workqueue.ts` only. */
import { type Outcome, outcomeOf } from './outcome.js';
import type { WorkItem } from './workqueue.js';

export default function run(item: WorkItem): Promise<Outcome<unknown>> {
  return outcomeOf(async () => {
    const module = (await import(item.module)) as Record<string, (...args: unknown[]) => unknown>;
    return module[item.export](...item.args);
  });
}
