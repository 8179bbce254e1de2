/** Clients that vanish, stop half-way, flood, or send anything at all: the next one is served, and nothing is left. */
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import {
  COMMANDS,
  connect,
  EventDescriptor,
  FLAGS,
  GuestMemory,
  Ledger,
  serveDevice,
  VfioUserClient,
} from '@mediated/vfio-user';
import { ERRNO } from '@mediated/core';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { REGISTERS } from '../../dist-fixtures/card.fixture.js';
import { codeOf, freshPath, Stage, u64 } from '../../dist-fixtures/stage.fixture.js';

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.set();
});
afterAll(async () => {
  expect(await stage.leftovers()).toEqual({ descriptors: 0, mappings: 0 });
  await stage.close();
});

const text = JSON.stringify({ capabilities: { max_msg_fds: 8 } });

/** A whole message. */
function message(id: number, command: number, payload: Uint8Array, flags = 0, size = 16 + payload.length): Uint8Array {
  const bytes = new Uint8Array(16 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id, true);
  view.setUint16(2, command, true);
  view.setUint32(4, size, true);
  view.setUint32(8, flags, true);
  bytes.set(payload, 16);
  return bytes;
}

const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const version = (json = text, major = 0, end = '\0') =>
  message(0, COMMANDS.version, new Uint8Array([major, 0, 0, 0, ...Buffer.from(`${json}${end}`)]));
const open = () => VfioUserClient.open(stage.served.path);

test('a client that vanishes at every byte of its first messages, descriptors under way', async () => {
  const ledger = new Ledger();
  const memory = GuestMemory.create(4096, ledger);
  const event = EventDescriptor.create(ledger);
  const map = message(1, COMMANDS.dmaMap, words(32, 3, 0, 0, 0, 0, 4096, 0));
  const bind = message(1, COMMANDS.deviceSetIrqs, words(20, 0x24, 2, 0, 1));
  for (const [whole, before, file] of [
    [version(), undefined, memory.file],
    [map, version(), memory.file],
    [bind, version(), event.descriptor],
  ] as const) {
    for (let end = 0; end <= whole.length; end++) {
      const client = open();
      if (before !== undefined) await client.channel.sendRaw(before);
      if (end > 0) await client.channel.sendRaw(whole.subarray(0, end), before === undefined ? [] : [file.number]);
      await client.close();
      // So that those who wait to be accepted do not become too many.
      if (end % 8 === 0) await stage.leftovers();
    }
  }
  memory.close();
  event.close();
  expect(await stage.leftovers()).toEqual({ descriptors: 0, mappings: 0 });
});

test('messages in pieces of a byte are messages', async () => {
  const client = open();
  const reply = client.channel.reply(0);
  for (const byte of version()) await client.channel.sendRaw(Uint8Array.of(byte));
  expect((await reply).errno).toBe(0);
  await client.close();
});

test.each([
  ['another major version', version(text, 1)],
  ['no end', version(text, 0, '')],
  ['no JSON', version('{')],
  ['a list', version('[]')],
  ['a list of capabilities', version('{"capabilities":[]}')],
  ['text for a number', version('{"capabilities":{"max_msg_fds":"8"}}')],
  ['too many descriptors', version('{"capabilities":{"max_msg_fds":32}}')],
  ['negative descriptors', version('{"capabilities":{"max_msg_fds":-1}}')],
  ['no transfers', version('{"capabilities":{"max_data_xfer_size":0}}')],
  ['pages of half a page', version('{"capabilities":{"pgsizes":2048}}')],
  ['write_multiple 1', version('{"capabilities":{"write_multiple":1}}')],
  ['three bytes', message(0, COMMANDS.version, new Uint8Array(3))],
  ['nothing', message(0, COMMANDS.version, new Uint8Array(0))],
  ['something else first', message(0, COMMANDS.deviceGetInfo, words(16, 0, 0, 0))],
])('VERSION with %s is EINVAL; the right one may follow', async (_, bytes) => {
  const client = open();
  const refused = client.channel.reply(0);
  await client.channel.sendRaw(bytes);
  expect((await refused).errno).toBe(22);
  expect(await codeOf(client.negotiate())).toBe('ok');
  await client.close();
});

test.each([
  ['no text', new Uint8Array(0)],
  ['no capabilities', Buffer.from('{}\0')],
  ['unknown names', Buffer.from('{"capabilities":{"twin_socket":{"supported":true}},"x":1}\0')],
])('VERSION with %s is accepted', async (_, json) => {
  const client = open();
  const reply = client.channel.reply(0);
  await client.channel.sendRaw(message(0, COMMANDS.version, new Uint8Array([0, 0, 0, 0, ...json])));
  const { errno, payload } = await reply;
  expect(errno).toBe(0);
  // What machines have room for.
  expect(payload.length).toBeLessThanOrEqual(198);
  await client.close();
});

test.each([0, 15, 2 ** 20 + 257, 0xffffffff])('a message of %i bytes is EINVAL, and the last', async (size) => {
  const client = await stage.connect();
  const reply = client.channel.reply(500);
  await client.channel.sendRaw(message(500, COMMANDS.regionRead, new Uint8Array(0), 0, size));
  expect((await reply).errno).toBe(22);
  await client.channel.ended;
});

test('a second machine waits until the first has left', async () => {
  const first = await stage.connect();
  const second = stage.connect();
  expect(await first.read(0, 0, 1)).toHaveLength(1);
  await first.close();
  expect(await (await second).read(0, 0, 1)).toHaveLength(1);
  await (await second).close();
});

test('a flood of requests that nobody reads the answers of', async () => {
  const client = await stage.connect();
  const request = message(7, COMMANDS.regionRead, words(0, 0, 0, 4096));
  const many = new Uint8Array(request.length * 1000);
  for (let i = 0; i < 1000; i++) many.set(request, i * request.length);
  await client.channel.sendRaw(many);
  await client.channel.sendRaw(many);
  await client.close();
  expect(await stage.leftovers()).toEqual({ descriptors: 0, mappings: 0 });
});

test('who never reads is not read any more; the other devices of the thread are served meanwhile', async () => {
  const mdev = await stage.runtime.bus.parent('p').create('card-one');
  const other = await serveDevice(stage.runtime, mdev, { path: freshPath() });
  // A socket of Node's that nobody listens to: it stops reading.
  const deaf = connectSocket(stage.served.path).pause();
  await once(deaf, 'connect');
  deaf.write(version());
  const request = message(7, COMMANDS.regionRead, words(0, 0, 0, 4096));
  const requests = Buffer.concat(Array.from({ length: 1000 }, () => request));
  // Far more than the two sockets and the server's buffers hold.
  for (let i = 0; i < 1000; i++) deaf.write(requests);
  const client = await connect(other.path);
  for (let i = 0; i < 1000; i++) expect(await client.read(0, 0, 1)).toHaveLength(1);
  expect(deaf.writableLength).toBeGreaterThan(0);
  await client.close();
  await other.close();
  deaf.destroy();
  expect(await stage.leftovers()).toEqual({ descriptors: 0, mappings: 0 });
  await mdev.remove();
});

test('what others ask of the thread is done while a machine keeps it busy', async () => {
  const client = await stage.connect();
  let done = false;
  const other = stage.runtime.bus
    .parent('p')
    .create('card-one')
    .then((mdev) => mdev.remove())
    .finally(() => {
      done = true;
    });
  while (!done) await Promise.all(Array.from({ length: 64 }, () => client.read(0, 0, 1)));
  await other;
  await client.close();
});

test('a machine that owes the answer to a DMA request is not asked again before it has given it', async () => {
  const socket = connectSocket(stage.served.path);
  let arrived = Buffer.alloc(0);
  const news = () => once(socket, 'data');
  socket.on('data', (bytes: Buffer) => {
    arrived = Buffer.concat([arrived, bytes]);
  });
  /** Number, command and last four bytes of the messages that have arrived. */
  const messages = () => {
    const found: { id: number; command: number; last: number }[] = [];
    for (let at = 0; at < arrived.length; at += arrived.readUInt32LE(at + 4)) {
      const last = arrived.readInt32LE(at + arrived.readUInt32LE(at + 4) - 4);
      found.push({ id: arrived.readUInt16LE(at), command: arrived.readUInt16LE(at + 2), last });
    }
    return found;
  };
  const asked = () => messages().filter(({ command }) => command === COMMANDS.dmaRead);
  const answered = async (id: number) => {
    while (!messages().some((one) => one.id === id && one.command === COMMANDS.regionRead)) await news();
    return messages().find((one) => one.id === id && one.command === COMMANDS.regionRead)?.last;
  };
  const post = (register: number, value: number) =>
    message(9, COMMANDS.regionWrite, words(register, 0, 0, 8, value, 0), FLAGS.noReply);
  const errno = (id: number) => message(id, COMMANDS.regionRead, words(REGISTERS.errno, 0, 0, 4));
  socket.write(version());
  socket.write(message(1, COMMANDS.dmaMap, words(32, 3, 0, 0, 0x5000, 0, 4096, 0)));
  socket.write(post(REGISTERS.iova, 0x5000));
  socket.write(Buffer.concat([post(REGISTERS.read, 4), post(REGISTERS.read, 4), errno(200)]));
  expect(await answered(200)).toBe(-ERRNO.EFAULT);
  expect(asked()).toHaveLength(1);
  const late = message(asked()[0].id, COMMANDS.dmaRead, words(0x5000, 0, 4, 0, 7), FLAGS.reply);
  socket.write(Buffer.concat([late, post(REGISTERS.read, 4)]));
  while (asked().length < 2) await news();
  socket.write(message(asked()[1].id, COMMANDS.dmaRead, words(0x5000, 0, 4, 0, 7), FLAGS.reply));
  socket.write(errno(201));
  expect(await answered(201)).toBe(0);
  socket.destroy();
});

test('a flood of posted writes arrives in order', async () => {
  const client = await stage.connect();
  const posted: Promise<void>[] = [];
  for (let i = 0; i < 20_000; i++) posted.push(client.post(0, 0x800, u64(i)));
  await Promise.all(posted);
  expect(await client.read(0, 0x800, 8)).toEqual(u64(19_999));
  await client.close();
});

test('requests in flight are answered each with its number', async () => {
  const client = await stage.connect();
  await client.write(
    0,
    0x400,
    Uint8Array.from({ length: 64 }, (_, at) => at),
  );
  const answers = await Promise.all(Array.from({ length: 64 }, (_, at) => client.read(0, 0x400 + at, 1)));
  expect(answers.map(([byte]) => byte)).toEqual(Array.from({ length: 64 }, (_, at) => at));
  await client.close();
});

test('a client that leaves with memory mapped, counters bound and interrupts pending', async () => {
  const client = await stage.connect();
  const memory = GuestMemory.create(2 ** 20, client.ledger);
  const events = Array.from({ length: 4 }, () => client.eventDescriptor());
  await client.mapMemory({ address: 0n, memory });
  await client.bindInterrupts(2, events);
  await client.post(0, REGISTERS.raise, u64(2));
  await client.close();
  expect(await stage.leftovers()).toEqual({ descriptors: 0, mappings: 0 });
  for (const event of events) event.close();
  memory.close();
  expect(client.ledger).toMatchObject({ descriptors: 0, mappings: 0 });
});

test('whatever is sent: every command is answered, and the device is there for the next', async () => {
  const known = fc.constantFrom(...Object.values(COMMANDS));
  const word = fc.oneof(fc.nat(64), fc.constantFrom(0x24, 0x21, 4096, 0xffffffff, 0x80000000), fc.integer());
  const request = fc.record({
    command: fc.oneof({ weight: 9, arbitrary: known }, { weight: 1, arbitrary: fc.nat(0xffff) }),
    payload: fc.oneof(
      fc.array(word, { maxLength: 12 }).map((values) => words(...values.map((value) => value >>> 0))),
      fc.uint8Array({ maxLength: 64 }),
    ),
    descriptors: fc.nat(3),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { maxLength: 20 }), async (requests) => {
      const client = await stage.connect();
      const events = Array.from({ length: 3 }, () => client.eventDescriptor());
      const numbers = events.map(({ descriptor }) => descriptor.number);
      for (const { command, payload, descriptors } of requests) {
        const reply = await client.request(command, payload, numbers.slice(0, descriptors));
        for (const descriptor of reply.descriptors) descriptor.close();
        if (reply.errno !== 0) expect(reply.payload.length).toBe(0);
      }
      expect(await client.info()).toMatchObject({ regions: 9 });
      await client.close();
      for (const event of events) event.close();
      expect(client.ledger.descriptors).toBe(0);
    }),
    { numRuns: 60 },
  );
  // Regions may have been shown.
  const { descriptors, mappings } = await stage.leftovers();
  expect([descriptors <= 2, mappings]).toEqual([true, 0]);
});

test('however a stream of messages is cut, each that wants an answer has one, in order', async () => {
  const sent = fc.record({
    command: fc.constantFrom(...Object.values(COMMANDS).filter((command) => command !== COMMANDS.version)),
    payload: fc.oneof(
      fc.constantFrom(
        words(0, 0, 0, 4),
        words(0x400, 0, 0, 8, 1, 2),
        words(16, 0, 0, 0),
        words(32, 0, 0, 0, 0, 0, 0, 0),
      ),
      fc.uint8Array({ maxLength: 40 }),
    ),
    posted: fc.boolean(),
    descriptors: fc.nat(2),
  });
  const stream = fc.record({
    messages: fc.array(sent, { maxLength: 30 }),
    pieces: fc.array(fc.integer({ min: 1, max: 60 })),
  });
  await fc.assert(
    fc.asyncProperty(stream, async ({ messages, pieces }) => {
      const client = await stage.connect();
      const event = client.eventDescriptor();
      const answered: number[] = [];
      const wanted: Promise<void>[] = [];
      for (const [at, { command, payload, posted, descriptors }] of messages.entries()) {
        const id = at + 1000;
        const bytes = message(id, command, payload, posted ? FLAGS.noReply : 0);
        if (!posted) {
          const reply = client.channel.reply(id).then((one) => {
            answered.push(id);
            for (const descriptor of one.descriptors) descriptor.close();
          });
          wanted.push(reply);
        }
        const numbers = Array.from({ length: descriptors }, () => event.descriptor.number);
        const cut = pieces.length === 0 ? bytes.length : Math.min(pieces[at % pieces.length], bytes.length);
        await client.channel.sendRaw(bytes.subarray(0, cut), numbers);
        if (cut < bytes.length) await client.channel.sendRaw(bytes.subarray(cut));
      }
      await Promise.all(wanted);
      expect(answered).toEqual(answered.toSorted((some, other) => some - other));
      expect(await client.info()).toMatchObject({ regions: 9 });
      await client.close();
      event.close();
      expect(client.ledger.descriptors).toBe(0);
    }),
    { numRuns: 60 },
  );
  const { descriptors, mappings } = await stage.leftovers();
  expect([descriptors <= 2, mappings]).toEqual([true, 0]);
});
