/** A program that has no descriptor left: machines that are there are served, others wait, and are let in when there is room. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect } from '@mediated/vfio-user';
import { AcceptPause } from '#dist/server/accept-pause.js';
import { afterEach, expect, test, vi } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../../dist-fixtures/server/few-descriptors.fixture.js', import.meta.url));

afterEach(() => {
  vi.useRealTimers();
});

test('without a descriptor for the next machine those that are there are served, and it is let in when one is given back', async ({
  onTestFinished,
}) => {
  const limited = ['-c', 'ulimit -n 256 && exec "$0" "$1"', process.execPath, PROGRAM];
  const program = spawn('sh', limited);
  onTestFinished(() => void program.kill('SIGKILL'));
  const ended = once(program, 'exit');
  const lines = createInterface(program.stdout)[Symbol.asyncIterator]();
  const line = async () => (await lines.next()).value as string;
  const complaints = createInterface(program.stderr);
  const warnings: string[] = [];
  complaints.on('line', (text: string) => warnings.push(text));
  const [first, second] = [await line(), await line()];

  const machine = await connect(first);
  program.stdin.write('fill\n');
  expect(await line()).toBe('EMFILE');
  const warned = once(complaints, 'line');
  const next = connect(second);
  expect(String(await warned)).toContain('virtual machines wait to be let in: MediatedError: EMFILE: accept failed');
  // Its thread has no descriptor to wait with either.
  for (let value = 0; value < 10; value++) {
    await machine.write(0, 0, Uint8Array.of(value));
    expect(await machine.read(0, 0, 1)).toEqual(Uint8Array.of(value));
  }
  const another = connect(first);
  await machine.close();
  // The one that is given back is enough for one of the two, whichever comes first.
  await Promise.race([next, another]);
  program.stdin.write('free\n');
  for (const client of [await next, await another]) {
    expect(await client.read(0, 0, 1)).toHaveLength(1);
    await client.close();
  }
  program.stdin.end();
  expect(await ended).toEqual([0, null]);
  expect(warnings.filter((text) => text.includes('EMFILE'))).toHaveLength(1);
});

test('pauses become longer, up to a second, until a machine is let in; one that leaves ends them; it is told once', async () => {
  vi.useFakeTimers();
  const warnings: unknown[] = [];
  const warned = (warning: Error) => warnings.push(warning.message);
  process.on('warning', warned);
  const pause = new AcceptPause();
  const signal = new AbortController();
  /** Milliseconds of the next pause. */
  const next = async () => {
    const begin = Date.now();
    const over = pause.after('EMFILE', signal.signal);
    await vi.runAllTimersAsync();
    await over;
    return Date.now() - begin;
  };
  const lengths: number[] = [];
  for (let at = 0; at < 9; at++) lengths.push(await next());
  expect(lengths).toEqual([10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
  expect(warnings).toEqual(['virtual machines wait to be let in: EMFILE']);
  pause.reset();
  expect(await next()).toBe(10);
  expect(warnings).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(61_000);
  await next();
  expect(warnings).toHaveLength(2);

  const [one, other] = [pause.after('EMFILE', signal.signal), pause.after('EMFILE', signal.signal)];
  pause.end();
  await Promise.all([one, other]);
  const last = pause.after('EMFILE', signal.signal);
  signal.abort();
  await last;
  await pause.after('EMFILE', signal.signal);
  expect(vi.getTimerCount()).toBe(0);
  process.off('warning', warned);
});
