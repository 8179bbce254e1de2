/** What `mediated top` and `mediated events` print, from what an instance says. */
import type { StatisticsAnswer } from '#dist/control/protocol.js';
import { formatEvent } from '#dist/follow/events.js';
import { formatTop } from '#dist/follow/format-top.js';
import { describe, expect, test } from 'vitest';

const plain = { columns: 80, lines: Number.POSITIVE_INFINITY, paint: (_meaning: string, text: string) => text };
const thread = (id: number, name: string, handled: number) => {
  return { thread: id, name, handled, sent: 0, parks: 0, spinsPaid: 0, backlogged: 0, unread: 0 };
};
const lock = (name: string, contended: number, waiting = 0) => {
  return {
    name,
    kind: 'mutex' as const,
    stats: { acquisitions: contended, contended, handoffs: 0, ownerDeaths: 0, waiting },
  };
};
const at = (uptime: number, part: Partial<StatisticsAnswer> = {}): StatisticsAnswer => {
  return { uptime, threads: [], locks: [], parents: [], ...part };
};

describe('top', () => {
  test('shows what threads did per second', () => {
    const lines = formatTop(
      at(1000, { threads: [thread(1, 'mtty/0', 100)] }),
      at(3000, { threads: [thread(1, 'mtty/0', 5100), thread(2, 'new', 10)] }),
      plain,
    );
    expect(lines[0]).toBe('up 0:00:03, 2 threads, 0 parents, 0 devices');
    expect(lines.find((line) => line.startsWith('mtty/0'))).toMatch(/^mtty\/0 +2,500 /);
    expect(lines.find((line) => line.startsWith('new'))).toMatch(/^new +5 /);
  });

  test('counts a thread that was started again from zero', () => {
    const lines = formatTop(
      at(0, { threads: [thread(1, 't', 900)] }),
      at(1000, { threads: [thread(1, 't', 7)] }),
      plain,
    );
    expect(lines.find((line) => line.startsWith('t '))).toMatch(/^t +7 /);
  });

  test('shows the locks first that somebody waits for, then those that are contended', () => {
    const lines = formatTop(
      at(0, { locks: [lock('old', 50)] }),
      at(1000, { locks: [lock('old', 50), lock('idle', 0), lock('busy', 9), lock('held', 1, 2)] }),
      plain,
    );
    const names = lines
      .map((line) => line.split(' ')[0])
      .filter((name) => ['old', 'idle', 'busy', 'held'].includes(name));
    expect(names).toEqual(['held', 'busy', 'old']);
  });

  test.each([10, 24, 40])('fits a terminal of %i lines and 80 columns', (rows) => {
    const many = {
      threads: Array.from({ length: 40 }, (_, id) => thread(id, `a-very-long-name-of-a-driver-${id}/${id}`, 1e9)),
      locks: Array.from({ length: 40 }, (_, id) => lock(`class: instance ${id}`, 5)),
      parents: Array.from({ length: 40 }, (_, id) => ({ name: `p${id}`, driver: 'd', threads: 1, devices: 1e6 })),
    };
    const lines = formatTop(at(0), at(1000, many), { ...plain, lines: rows });
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });
});

describe('an event', () => {
  const event = {
    action: 'add',
    devpath: '/devices/x/u',
    subsystem: 'mdev',
    sequence: 7,
    variables: [
      ['ACTION', 'add'],
      ['SEQNUM', '7'],
    ],
  } as const;

  test('is one line as udevadm has it', () => {
    expect(formatEvent(event, false)).toBe('KERNEL[7] add      /devices/x/u (mdev)\n');
  });

  test('is a block with its variables', () => {
    expect(formatEvent(event, true)).toBe('KERNEL[7] add      /devices/x/u (mdev)\nACTION=add\nSEQNUM=7\n\n');
  });
});
