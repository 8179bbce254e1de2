/** `mediated top`: what threads, locks and parents of a running instance do, per second. Main thread. */
import type { CommandOptions } from '../commands.js';
import { request } from '../control/control-client.js';
import type { StatisticsAnswer } from '../control/protocol.js';
import { formatTop } from './format-top.js';
import { endOf } from '../limit.js';
import type { Stage } from '../stage.js';
import { columnsOf, isLive, painter } from '../terminal.js';
import { asking } from './asking.js';

/** Milliseconds between two looks: what `top` shows are counts of this long. */
const INTERVAL = 1000;
/** Lines of a terminal that does not say how many it has. */
const USUAL_LINES = 24;
const HOME_AND_CLEAR = '\x1b[H\x1b[J';
const ENTER_SCREEN = '\x1b[?1049h\x1b[?25l';
const LEAVE_SCREEN = '\x1b[?25h\x1b[?1049l';

export function top({ instance, for: seconds }: CommandOptions<'top'>, stage: Stage): Promise<number> {
  const { output } = stage;
  const live = isLive(output);
  // Where nothing is redrawn, it is one table whatever the limit is.
  const signal = live ? endOf([stage.signal], seconds) : stage.signal;
  const look = () => request(instance, { request: 'statistics' }, signal) as Promise<StatisticsAnswer | undefined>;
  const paint = painter(output);
  return asking(stage, async () => {
    let before = await look();
    if (before === undefined) return undefined;
    if (live) output.write(ENTER_SCREEN);
    try {
      do {
        await pause(INTERVAL, signal);
        const now: StatisticsAnswer | undefined = await look();
        if (now === undefined) return undefined;
        const lines = live ? (output.rows ?? USUAL_LINES) : Number.POSITIVE_INFINITY;
        const text = formatTop(before, now, { columns: columnsOf(output), lines, paint });
        output.write(live ? `${HOME_AND_CLEAR}${text.join('\n')}` : `${text.join('\n')}\n`);
        before = now;
      } while (live);
    } finally {
      if (live) output.write(LEAVE_SCREEN);
    }
    return undefined;
  });
}

/** Resolves after so long, or when the signal is aborted. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    if (signal.aborted) finish();
    else signal.addEventListener('abort', finish);
  });
}
