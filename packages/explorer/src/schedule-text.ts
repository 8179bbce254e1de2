/**
 * Schedules as text: `0x12.1x3.k0.2.t1`: thread 0 makes 12 steps, thread 1 three, thread 0 is killed, thread 2 makes one,
 * time passes for thread 1. What comes after the end is up to the scheduler: whoever is on turn goes on.
 */
import { KILL, threadOf, TIME } from './choices.js';
import { MAX_THREADS } from './layout.js';

/** The text of choices. */
export function scheduleText(choices: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < choices.length; ) {
    let count = 1;
    while (choices[at + count] === choices[at]) count++;
    const choice = choices[at] as number;
    const letter = choice >= TIME ? 't' : choice >= KILL ? 'k' : '';
    parts.push(`${letter}${threadOf(choice)}${count > 1 ? `x${count}` : ''}`);
    at += count;
  }
  return parts.join('.');
}

/** The choices that a text stands for. Throws on anything else. */
export function scheduleFrom(text: string): number[] {
  const choices: number[] = [];
  for (const part of text === '' ? [] : text.split('.')) {
    const match = /^([kt]?)(\d)(?:x(\d+))?$/.exec(part);
    const thread = Number(match?.[2]);
    if (match === null || thread >= MAX_THREADS) throw new Error(`'${part}' in the schedule '${text}' is no choice`);
    const choice = thread + (match[1] === 'k' ? KILL : match[1] === 't' ? TIME : 0);
    for (let count = Number(match[3] ?? 1); count > 0; count--) choices.push(choice);
  }
  return choices;
}
