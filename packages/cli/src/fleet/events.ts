/** `mediated fleet events` and `top`: what happens in a fleet. Main thread. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Fleet, FleetEvent } from '@mediated/fleet';
import type { CommandOptions } from '../commands.js';
import { ControlError } from '../control/control-error.js';
import { whole } from '../counted.js';
import { endOf } from '../limit.js';
import type { Stage } from '../stage.js';
import { columnsOf, isLive } from '../terminal.js';
import { askingFleet } from './asking-fleet.js';
import { hostTable, summaryOf } from './hosts.js';

/** Columns of the action. */
const ACTION_COLUMNS = 8;
/** Milliseconds between two looks of `top`. */
const INTERVAL = 1000;
/** Lines of a terminal that does not say how many it has. */
const USUAL_LINES = 24;
/** Lines of `top` that are not about a host. */
const OTHER_LINES = 4;
const HOME_AND_CLEAR = '\x1b[H\x1b[J';
const ENTER_SCREEN = '\x1b[?1049h\x1b[?25l';
const LEAVE_SCREEN = '\x1b[?25h\x1b[?1049l';

export function fleetEvents(options: CommandOptions<'fleet events'>, stage: Stage): Promise<number> {
  const { sequence, since, all, uuid, host, durable, json } = options;
  const { output } = stage;
  const check = () => void timeOf(since);
  const run = async (fleet: Fleet) => {
    const events = fleet.events({
      sequence: sequence === 0 ? undefined : sequence,
      since: timeOf(since),
      all,
      uuid: uuid === '' ? undefined : uuid,
      host: host === '' ? undefined : host,
      durable: durable === '' ? undefined : durable,
      untilNow: options['until-now'],
      signal: endOf([stage.signal], options.for),
    });
    for await (const event of events) output.write(json ? `${JSON.stringify(event)}\n` : formatEvent(event));
    return undefined;
  };
  return askingFleet(options, stage, run, check);
}

function timeOf(text: string): Date | undefined {
  if (text === '') return undefined;
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new ControlError('EINVAL', `${text} is no time; 2026-01-31T12:00Z is one`);
  return time;
}

function formatEvent({ sequence, time, host, action, uuid, count }: FleetEvent): string {
  const subject = uuid ?? (count === undefined ? '' : `${whole(count)} events`);
  return `${`${sequence} ${time.toISOString()} ${action.padEnd(ACTION_COLUMNS)} ${host} ${subject}`.trimEnd()}\n`;
}

export function fleetTop(options: CommandOptions<'fleet top'>, stage: Stage): Promise<number> {
  const { output } = stage;
  const live = isLive(output);
  const signal = endOf([stage.signal], options.for);
  return askingFleet(options, stage, async (fleet) => {
    let heard = 0;
    const following = (async () => {
      for await (const _ of fleet.events({ signal })) heard++;
    })();
    following.catch(() => {});
    if (live) output.write(ENTER_SCREEN);
    try {
      do {
        const before = heard;
        await pause(INTERVAL, undefined, { signal }).catch(() => {});
        if (signal.aborted) return undefined;
        const most = live ? Math.max(1, (output.rows ?? USUAL_LINES) - OTHER_LINES) : Number.POSITIVE_INFINITY;
        const hosts = fleet.hosts();
        const busiest = [...hosts].sort((a, b) => (b.inventory?.devices ?? 0) - (a.inventory?.devices ?? 0));
        const lines = [
          `${summaryOf(hosts)}; ${whole(heard - before)} events a second`,
          ...hostTable(busiest.slice(0, most), columnsOf(output)),
        ];
        output.write(live ? `${HOME_AND_CLEAR}${lines.join('\n')}` : `${lines.join('\n')}\n`);
      } while (live);
    } finally {
      if (live) output.write(LEAVE_SCREEN);
    }
    return undefined;
  });
}
