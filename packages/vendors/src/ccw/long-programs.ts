/**
 * Where channel programs are planned: short ones at once, long ones on a workqueue, so that the devices that share the
 * thread need not wait for the arithmetic. One per driver thread; its pool is started by the first long program.
 * Reading the guest's lists and pinning its pages are done by the device's thread in either case, because the pins are
 * the device's.
 */
import { Workqueue } from '@mediated/core/actor';
import { CCW } from './architected.js';
import { type Plan, planProgram, type PlanRequest } from './plan.js';

const PAGE_BYTES = 4096;
/** A program of more CCWs and pages is long: from about here on, planning takes longer than having it done elsewhere. */
const LONG = 1024;

export class LongPrograms {
  readonly #workqueue = new Workqueue();

  /** Rejects with EAGAIN (the workqueue is full), EIO (its thread has ended), ECANCELED (the driver is being unloaded). */
  plan(request: PlanRequest): Plan | Promise<Plan> {
    if (!isLong(request)) return planProgram(request);
    const module = new URL('./plan.js', import.meta.url).href;
    return this.#workqueue.run<Plan>({ module, export: 'planProgram', args: [request] });
  }

  close(): Promise<void> {
    return this.#workqueue.close();
  }
}

function isLong({ segments }: PlanRequest): boolean {
  let size = 0;
  for (const { ccws } of segments) {
    for (let at = 0; at < ccws.length; at += CCW.size) size += 1 + Math.ceil(CCW.get(ccws, 'count', at) / PAGE_BYTES);
  }
  return size > LONG;
}
