/**
 * How a failing schedule is printed: step by step, with what each step touched and where in the source it stands.
 */
import { KILL_CHOICES } from './choices.js';
import type { Execution } from './execution.js';
import type { Fault } from './failure.js';
import type { Player } from './player.js';
import { describeStep } from './step-text.js';

const OWN_FILES = new URL('.', import.meta.url);

/** The text of a failure. */
export function reportText(
  title: string,
  player: Player,
  execution: Execution,
  positions: ReadonlyMap<number, string>,
  fault: Fault,
  schedule: string,
): string {
  const width = Math.max(...player.names.map((name) => name.length));
  const lines = [`'${title}' fails (${fault.kind}): ${fault.message}`, ''];
  let last = -1;
  let before = '';
  let more = 0;
  const endRun = () => {
    if (more > 0) lines.push(`       ${' '.repeat(width)}  and ${more} more of this`);
    more = 0;
  };
  for (let step = 0; step < execution.length; step++) {
    const thread = execution.thread(step);
    const here = `${thread} ${execution.kind(step)} ${positions.get(step)}`;
    if (here === before && positions.has(step)) {
      more++;
      continue;
    }
    endRun();
    before = here;
    const name = (thread === last ? '' : (player.names[thread] ?? '')).padEnd(width);
    last = (KILL_CHOICES & (1 << execution.choice(step))) !== 0 ? -1 : thread;
    const what = describeStep(player, execution, step);
    const where = placesOf(positions.get(step)).join(' < ');
    lines.push(
      `${String(step + 1).padStart(5)}  ${name}  ${where === '' ? what : what.padEnd(46)}  ${where}`.trimEnd(),
    );
  }
  endRun();
  lines.push('', `replay: ${schedule === '' ? '(the first schedule)' : schedule}`);
  return lines.join('\n');
}

/** The innermost places of a stack outside of this package: where the step stands, and from where that was called. */
function placesOf(stack: string | undefined): string[] {
  const places: string[] = [];
  for (const line of (stack ?? '').split('\n').slice(1)) {
    if (line.includes(OWN_FILES.href) || line.includes(OWN_FILES.pathname) || line.includes('node:')) continue;
    const match = /([^/\\() ]+):(\d+):\d+\)?$/.exec(line);
    if (match !== null) places.push(`${match[1]}:${match[2]}`);
    if (places.length === 3) break;
  }
  return places;
}
