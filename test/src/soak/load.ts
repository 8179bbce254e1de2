/**
 * Too much of everything: more client threads than cores with full inboxes, drivers that are slow, and one that does not
 * give its thread back. Everything settles, others are served meanwhile, nothing is left. Called by `main.ts` and by its test.
 */
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { isMediatedError, Runtime } from '@mediated/core';
import { SOAK_DEVICES, SOAK_DRIVER, SOAK_TYPE, soakDriverUrl } from './soak-driver.js';
import type { FloodAnswer, FloodClientData } from './flood-client.worker.js';

export interface LoadReport {
  readonly passed: number;
  readonly failures: readonly string[];
  /** What was seen, a line each. */
  readonly seen: readonly string[];
}

/** Clients at once, on however many cores, and the asks that each has outstanding: more than a ring has slots. */
const CLIENTS = 8;
const ASKS = 1500;
/** Creates of the slow parent, and by how much they are late, in milliseconds. */
const SLOW = 100;
const LATE = 20;
const HELD = 50;
/** Lives of devices of the other parent that must get through meanwhile. */
const MEANWHILE = 200;
/** Milliseconds after which a thread that does not answer is ended. */
const HANG_DEADLINE = 500;
/** Turns of the event loop. */
const SETTLING_TURNS = 10_000;

export async function load(): Promise<LoadReport> {
  const failures: string[] = [];
  const seen: string[] = [];
  let passed = 0;
  const check = (text: string, holds: boolean) => {
    if (holds) passed++;
    else failures.push(text);
  };
  const runtime = Runtime.start({
    maxDevices: 65_536,
    hangDeadline: HANG_DEADLINE,
    restart: { intensity: 100, period: 1000 },
  });
  try {
    await runtime.loadDriver(soakDriverUrl, { threads: 2, parents: [{ name: 'slow' }, { name: 'quick' }] });
    const { bus } = runtime;

    const flood = await Promise.all(Array.from({ length: CLIENTS }, () => floodedBy(runtime)));
    const settled = flood.reduce((sum, answer) => sum + answer.settled, 0);
    const backlogged = flood.reduce((sum, answer) => sum + answer.backlogged, 0);
    seen.push(`${CLIENTS} clients: ${settled} asks settled, ${backlogged} of them had waited for room in a full inbox`);
    check(`${settled} of ${CLIENTS * ASKS} asks have settled`, settled === CLIENTS * ASKS);
    check('no inbox was full', backlogged > 0);
    check('a flood has left devices', bus.memory.devices.liveCount() === 0);

    const slow = bus.parent('slow');
    await slow.storeAttribute('faults/delay_create', `${SLOW} ${LATE}`);
    const late = Array.from({ length: SLOW }, () => slow.create(SOAK_TYPE));
    await slow.storeAttribute('faults/hold_create', String(HELD));
    const held = Array.from({ length: HELD }, () => slow.create(SOAK_TYPE));
    let slowest = 0;
    for (let life = 0; life < MEANWHILE; life++) {
      const from = performance.now();
      await (await bus.parent('quick').create(SOAK_TYPE)).remove();
      slowest = Math.max(slowest, performance.now() - from);
    }
    seen.push(`beside a slow driver, the slowest of ${MEANWHILE} lives of another took ${slowest.toFixed(1)} ms`);
    await slow.storeAttribute('faults/release', 'all');
    const made = await Promise.all([...late, ...held]);
    await slow.storeAttribute('faults/delay_remove', `${SLOW} ${LATE}`);
    await Promise.all(made.map((mdev) => mdev.remove()));
    check('slow creates and removals are left', bus.memory.devices.liveCount() === 0);

    const restarted = once(runtime.system.events, 'threadRestart');
    await slow.storeAttribute('soak/hang', '1');
    const stuck = Array.from({ length: HELD }, () => codeOf(slow.create(SOAK_TYPE)));
    const from = performance.now();
    for (let life = 0; life < MEANWHILE; life++) await (await bus.parent('quick').create(SOAK_TYPE)).remove();
    const codes = new Set(await Promise.all(stuck));
    seen.push(
      `creates of a driver that hangs were told ${[...codes].join(', ')} after ${(performance.now() - from).toFixed(0)} ms`,
    );
    check(`creates of a driver that hangs were told ${[...codes].join(', ')}`, codes.size === 1 && codes.has('EIO'));
    await restarted;
    await (await bus.parent('slow').create(SOAK_TYPE)).remove();
    check('a driver that was ended has left devices', bus.memory.devices.liveCount() === 0);
    check(
      'parents are lost',
      bus.parents().length === 2 && bus.parents().every(({ driver }) => driver === SOAK_DRIVER),
    );
    for (const parent of bus.parents()) {
      const available = await parent.availableInstances(SOAK_TYPE);
      check(`${parent.name} has ${available} instances`, available === SOAK_DEVICES);
    }
    const unreadNow = () => runtime.system.statistics().reduce((sum, thread) => sum + thread.unread, 0);
    // Who has answered a moment ago may not have said yet that it has read the question.
    for (let turn = 0; turn < SETTLING_TURNS && unreadNow() > 0; turn++) await setImmediate();
    const unread = unreadNow();
    check(`${unread} messages are not read`, unread === 0);
  } finally {
    await runtime.close();
  }
  return { passed, failures, seen };
}

/** One client that asks for more at once than an inbox holds; resolves when all of it has settled and it has left. */
async function floodedBy(runtime: Runtime): Promise<FloodAnswer> {
  const { ticket, transfer } = runtime.invite();
  const workerData: FloodClientData = { ticket, parent: 'quick', asks: ASKS };
  const worker = new Worker(new URL('./flood-client.worker.js', import.meta.url), {
    workerData,
    transferList: transfer,
  });
  runtime.watch(worker);
  const ended = once(worker, 'exit');
  const [answer] = (await once(worker, 'message')) as [FloodAnswer];
  await ended;
  return answer;
}

async function codeOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
    return 'ok';
  } catch (error) {
    return isMediatedError(error) ? error.code : String(error);
  }
}
