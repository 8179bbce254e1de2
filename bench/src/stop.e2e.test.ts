import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runPart } from '../dist/harness/run-part.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const canMount = existsSync('/dev/fuse') && process.getuid?.() === 0;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediated-stop-'));
  vi.stubEnv('TMPDIR', folder);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/** What a part has outside of its process once it has warmed up, when it is stopped; it has ended when this resolves. */
async function stopWarm(suite: string, part: string): Promise<{ folders: string[]; mounts: string }> {
  const stop = new AbortController();
  let there = Promise.reject<{ folders: string[]; mounts: string }>(new Error('nothing was measured'));
  there.catch(() => {});
  const onRound = (round: number): void => {
    if (round !== 0) return;
    there = outside();
    there.finally(() => stop.abort());
  };
  await expect(runPart({ suite, part, rounds: 1000, signal: stop.signal, onRound })).rejects.toThrow(suite);
  return there;
}

async function outside(): Promise<{ folders: string[]; mounts: string }> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  return { folders: await readdir(folder), mounts };
}

test.runIf(process.platform === 'linux')('a part that is stopped takes its folders along', async () => {
  expect((await stopWarm('vfio_user', 'guestMemory')).folders).toHaveLength(1);
  expect((await outside()).folders).toEqual([]);
});

test.runIf(canMount)('a part that is stopped takes its mount along', async () => {
  expect((await stopWarm('sysfs', 'rates')).mounts).toContain(folder);
  expect((await outside()).mounts).not.toContain(folder);
  expect((await outside()).folders).toEqual([]);
});

test('ctrl-C keeps the suites that were done, says so, and ends with 130', async () => {
  const results = join(folder, 'results');
  const args = ['--only', 'locks', '--only', 'functions', '--rounds', '1', '--machine', 'one', '--results', results];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    if (line.startsWith('[3/3] functions')) child.kill('SIGINT');
  });
  expect(await once(child, 'close')).toEqual([130, null]);
  expect(await readdir(results)).toEqual(['index.html', 'one.locks.json']);
  expect(said[0]).toMatch(/^3 parts in 1 round, about \d+ s where nothing else uses the cores$/);
  expect(said.at(-2)).toBe('stopped in the suite functions, of which nothing is kept');
  expect(said.at(-1)).toMatch(/^wrote .*index\.html and beside it one\.locks\.json$/);
});
