/** The control socket from both ends: what clients may do to it without harm. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from '#dist/control/control-client.js';
import { ControlServer } from '#dist/control/control-server.js';
import type { Handlers } from '#dist/control/exchange.js';
import { Lines } from '#dist/control/lines.js';
import { socketPath } from '#dist/control/place.js';
import { MediatedError } from '@mediated/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const never = new AbortController().signal;
let base = '';
let server: ControlServer;
/** Sends events to whoever follows them. */
let send: ((event: unknown) => void) | undefined;
let followed: Promise<void>;

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));
}

function handlers(): Handlers {
  let begun = () => {};
  followed = new Promise((resolve) => {
    begun = resolve;
  });
  return {
    types: () => ['a'],
    list: () => undefined,
    statistics: () => {
      throw new TypeError('oops');
    },
    create: ({ parent }) => {
      throw new MediatedError('EEXIST', `on ${parent}`, { syscall: 'create' });
    },
    remove: ({ uuid }) => uuid,
    screenshot: () => 'x'.repeat(1_000_000),
    trace: () => undefined,
    async events(_request, conversation) {
      send = conversation.send;
      begun();
      await untilAborted(conversation.signal);
      conversation.send('last');
    },
  };
}

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'mediated-control-'));
  process.env.XDG_RUNTIME_DIR = base;
  server = await ControlServer.open(socketPath('default'), handlers());
});
afterEach(async () => {
  await server.close();
  rmSync(base, { recursive: true, force: true });
});

/** Everything that the server says to raw bytes, until it closes. */
async function say(...pieces: (string | Uint8Array)[]): Promise<string> {
  const socket = connect({ path: server.path, allowHalfOpen: true });
  await once(socket, 'connect');
  for (const piece of pieces) socket.write(piece);
  socket.end();
  return await everything(socket);
}

async function everything(socket: Socket): Promise<string> {
  let text = '';
  for await (const bytes of socket) text += String(bytes);
  return text;
}

describe('a request', () => {
  test('is answered, over a socket that only its owner may use', async () => {
    expect(await request('default', { request: 'types' }, never)).toEqual(['a']);
    expect(await request('default', { request: 'list' }, never)).toBeNull();
    expect(await request('default', { request: 'screenshot', uuid: 'u' }, never)).toHaveLength(1_000_000);
    expect(statSync(server.path).mode & 0o777).toBe(0o600);
    expect(statSync(join(base, 'mediated')).mode & 0o777).toBe(0o700);
  });

  test('that is refused rejects with the code and the sentence', async () => {
    const wanted = { request: 'create', parent: 'p', type: 't' } as const;
    await expect(request('default', wanted, never)).rejects.toMatchObject({ code: 'EEXIST', message: 'EEXIST: on p' });
    await expect(request('default', { request: 'statistics' }, never)).rejects.toMatchObject({ code: 'EIO' });
  });

  test('to nobody is refused with what would help', async () => {
    await expect(request('other', { request: 'types' }, never)).rejects.toThrow(/no instance other runs.*mediated up/);
    await expect(request('a/b', { request: 'types' }, never)).rejects.toThrow('is no name');
  });

  test('may come in pieces and be followed by nonsense', async () => {
    expect(await say('{"request":', '"remove","uuid":"ü"}\n{"request"', '\n\n')).toBe('{"answer":"ü"}\n');
  });

  test.each([
    ['nothing', '', 'EINVAL'],
    ['half a line', '{"request":"types"}', 'EINVAL'],
    ['no JSON', 'hello\n', 'EINVAL'],
    ['no object', '7\n', 'EINVAL'],
    ['null', 'null\n', 'EINVAL'],
    ['no name', '{}\n', 'ENOTSUP'],
    ['an unknown name', '{"request":"toString"}\n', 'ENOTSUP'],
    ['a field that is no text', '{"request":"remove","uuid":{}}\n', 'EINVAL'],
    ['a line without end', 'x'.repeat(100_000), 'EMSGSIZE'],
  ])('of %s is refused, and the next one is answered', async (_what, text, code) => {
    expect(JSON.parse(await say(text))).toMatchObject({ error: { code } });
    expect(await request('default', { request: 'types' }, never)).toEqual(['a']);
  });

  test('of any bytes is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
        expect(JSON.parse(await say(bytes, '\n'))).toMatchObject({ error: {} });
      }),
      { numRuns: 50 },
    );
  });

  test('of a client that is gone at once harms nobody', async () => {
    for (let times = 0; times < 20; times++) {
      const socket = connect(server.path);
      await once(socket, 'connect');
      socket.write('{"request":"screenshot","uuid":"u"}\n');
      socket.destroy();
    }
    expect(await request('default', { request: 'types' }, never)).toEqual(['a']);
  });
});

describe('a stream', () => {
  test('is followed until the client wants no more, with what is on its way', async () => {
    const heard: unknown[] = [];
    const enough = new AbortController();
    const following = request('default', { request: 'events' }, enough.signal, (line) => {
      heard.push(line);
      if (heard.length === 2) enough.abort();
    });
    await followed;
    send?.(1);
    send?.({ two: 2 });
    expect(await following).toBeNull();
    expect(heard).toEqual([{ event: 1 }, { event: { two: 2 } }, { event: 'last' }]);
  });

  test('ends with the instance', async () => {
    const following = request('default', { request: 'events' }, never);
    await followed;
    await server.close();
    expect(await following).toBeNull();
    server = await ControlServer.open(socketPath('default'), handlers());
  });

  test('of a client that does not read loses events, and tells how many', async () => {
    const socket = connect({ path: server.path, allowHalfOpen: true });
    await once(socket, 'connect');
    socket.pause();
    socket.write('{"request":"events"}\n');
    await followed;
    const long = 'x'.repeat(100_000);
    for (let times = 0; times < 200; times++) send?.(long);
    socket.end();
    const lines = (await everything(socket)).trimEnd().split('\n');
    const lost = lines
      .map((line) => JSON.parse(line) as { lost?: number })
      .reduce((sum, line) => sum + (line.lost ?? 0), 0);
    const events = lines.filter((line) => line.startsWith('{"event"')).length;
    expect(lost).toBeGreaterThan(100);
    // The last event of the handler may have come through or not.
    expect(events + lost).toBe(201);
    expect(lines.at(-1)).toBe('{"answer":null}');
  });
});

describe('an instance', () => {
  test('of a name that is taken is refused', async () => {
    await expect(ControlServer.open(socketPath('default'), handlers())).rejects.toMatchObject({ code: 'EBUSY' });
    const other = await ControlServer.open(socketPath('other'), handlers());
    await other.close();
    expect(existsSync(other.path)).toBe(false);
  });

  test('takes the place of one that was killed', async () => {
    const path = socketPath('killed');
    const dead = createServer().listen(path);
    await once(dead, 'listening');
    // Closing would take the socket away; what a killed process leaves is one that nobody listens on.
    const { renameSync } = await import('node:fs');
    renameSync(path, `${path}.kept`);
    dead.close();
    await once(dead, 'close');
    renameSync(`${path}.kept`, path);
    await expect(request('killed', { request: 'types' }, never)).rejects.toThrow('no instance killed runs');
    const next = await ControlServer.open(path, handlers());
    expect(await request('killed', { request: 'types' }, never)).toEqual(['a']);
    await next.close();
  });
});

describe('lines', () => {
  test('are the same however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\n'))),
        fc.nat(),
        (texts, cut) => {
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''));
          const at = bytes.length === 0 ? 0 : cut % bytes.length;
          const lines = new Lines(10_000);
          expect([...(lines.push(bytes.subarray(0, at)) ?? []), ...(lines.push(bytes.subarray(at)) ?? [])]).toEqual(
            texts,
          );
        },
      ),
    );
  });
});
