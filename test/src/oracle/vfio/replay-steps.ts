/**
 * Replays a recording of steps one after the other: does each again, and compares its result and what the program wrote
 * down. What a step is, its words and arguments say (`step.ts`); a step that nobody understands is counted as such.
 */
import { isMediatedError } from '@mediated/core';
import type { Fields, Recording } from '../recording.js';
import { showResult, type Tally } from '../tally.js';
import { KERNEL_MESSAGES } from '../reasons.js';
import { type Answer, type Handler, Skip, Step } from './step.js';

/** Kernel messages and the like, which recordings have beside results. */
const BESIDE: Readonly<Record<string, string>> = { dmesg: KERNEL_MESSAGES };

export async function replaySteps<S>(
  { name, label, lines }: Recording,
  tally: Tally,
  sessionFor: (step: Step) => S | Promise<S>,
  handlers: readonly Handler<S>[],
): Promise<void> {
  for (const [at, fields] of lines.entries()) {
    const step = new Step(fields);
    const source = { recording: name, line: at + 1, words: describe(step) };
    const answer = await perform(await sessionFor(step), step, handlers);
    if (typeof answer === 'string') {
      tally.skip(answer, source, fields.ret);
      continue;
    }
    const differences: string[] = [];
    if (answer === undefined) {
      tally.skip(`not covered: ${step.words}`, source, fields.ret);
      continue;
    }
    const compare = (field: string, kernel: unknown, here: unknown, told: (value: unknown) => string) => {
      const left = answer.left?.[field];
      const known = answer.differs?.[field];
      const part = answer.upTo?.[field];
      if (left !== undefined) return tally.leave(left, source, field, kernel);
      if (equal(kernel, here)) return;
      const begin = (value: unknown) => String(value ?? '').slice(0, 2 * Math.max(0, part?.bytes ?? 0));
      if (part !== undefined && begin(kernel) === begin(here)) tally.leave(part.reason, source, field, kernel, here);
      else if (known !== undefined) tally.leave(known, source, field, kernel, here);
      else differences.push(`kernel ${told(kernel)}, here ${told(here)}`);
    };
    compare('ret', fields.ret, answer.ret, showResult);
    for (const [field, kernel] of Object.entries((fields.out ?? {}) as Fields)) {
      compare(field, kernel, answer.out?.[field], (value) => `${field} ${show(value)}`);
    }
    for (const [field, here] of Object.entries(answer.args ?? {})) {
      compare(field, (fields.args as Fields | undefined)?.[field], here, (value) => `${field} ${show(value)}`);
    }
    for (const [field, reason] of Object.entries(BESIDE)) if (field in fields) tally.leave(reason, source, field);
    tally.step(`${label}:${at + 1} ${describe(step)}`, differences);
  }
}

/** A text: why it cannot be done. */
async function perform<S>(
  session: S,
  step: Step,
  handlers: readonly Handler<S>[],
): Promise<Answer | string | undefined> {
  try {
    for (const handler of handlers) {
      const answer = await handler(session, step);
      if (answer !== undefined) return answer;
    }
    return undefined;
  } catch (error) {
    if (error instanceof Skip) return error.message;
    if (!isMediatedError(error)) throw error;
    return { ret: `set-up failed: ${error.syscall ?? ''} ${error.code} ${error.message}` };
  }
}

function describe(step: Step): string {
  const { note } = step;
  return note === '' ? step.words : `${step.words} (${note})`;
}

function equal(kernel: unknown, here: unknown): boolean {
  return show(kernel) === show(here);
}

/** As in the recording; numbers that JavaScript cannot have exactly are digits, as the reader of recordings makes them. */
function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) => {
      if (typeof part === 'bigint') return part <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(part) : String(part);
      return part;
    }) ?? 'nothing'
  );
}
