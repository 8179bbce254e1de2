/** The session without a kernel: requests as bytes, replies as bytes. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ERRNO } from '@mediated/core';
import { IN_HEADER, OPERATIONS, OUT_HEADER, REQUEST_BYTES } from '#dist/fuse/protocol.js';
import { Replies } from '#dist/fuse/reply.js';
import { Request } from '#dist/fuse/request.js';
import { Session } from '#dist/serve/session.js';
import { constant, directory, file, link } from '#dist/tree/entry.js';

interface Reply {
  readonly unique: number;
  readonly error: number;
  readonly body: Buffer;
}

let alive: boolean;
let text: string;
let written: string[];
let pending: ((text: string) => void)[];
let replies: Reply[];
let session: Session;
const request = new Request(Buffer.alloc(REQUEST_BYTES));

beforeEach(() => {
  alive = true;
  text = 'text\n';
  written = [];
  pending = [];
  replies = [];
  const attribute = (mode: number, show: () => string | Promise<string>) => ({
    path: 'x',
    mode,
    alive: () => alive,
    show,
    store: (bytes: Buffer) => void written.push(bytes.toString()),
  });
  const root = directory(() => [
    ['quick', file(attribute(0o644, () => text))],
    ['slow', file(attribute(0o444, () => new Promise((resolve) => pending.push(resolve))))],
    ['secret', file(attribute(0o200, () => ''))],
    ['link', link('quick')],
    ['folder', directory(() => [['constant', constant('constant', 'same\n')]])],
  ]);
  const send = (bytes: Uint8Array) => {
    const reply = Buffer.from(bytes);
    expect(reply.readUInt32LE(0)).toBe(reply.length);
    replies.push({
      unique: Number(reply.readBigUInt64LE(8)),
      error: reply.readInt32LE(4),
      body: reply.subarray(OUT_HEADER),
    });
  };
  session = new Session(root, new Replies(send, { uid: 0, gid: 0 }, 0));
});

/** Lets everything run that is due. */
const microtasks = () => new Promise((resolve) => setImmediate(resolve));

let lastUnique = 0;

/** Sends a request; returns its number. */
function send(operation: number, node: number, body: Buffer = Buffer.alloc(0)): number {
  const { bytes } = request;
  const length = IN_HEADER + body.length;
  lastUnique += 2;
  bytes.writeUInt32LE(length, 0);
  bytes.writeUInt32LE(operation, 4);
  bytes.writeBigUInt64LE(BigInt(lastUnique), 8);
  bytes.writeBigUInt64LE(BigInt(node), 16);
  body.copy(bytes, IN_HEADER);
  session.handle(request, length);
  return lastUnique;
}

function only(unique: number): Reply {
  const found = replies.filter((reply) => reply.unique === unique);
  expect(found).toHaveLength(1);
  return found[0];
}

function lookup(name: string, node = 1): number {
  const reply = only(send(OPERATIONS.lookup, node, Buffer.from(`${name}\0`)));
  expect(reply.error).toBe(0);
  return Number(reply.body.readBigUInt64LE(0));
}

/** Opens a file; returns its handle. */
function open(name: string, flags = 0): number {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(flags, 0);
  const reply = only(send(OPERATIONS.open, lookup(name), body));
  expect(reply.error).toBe(0);
  return Number(reply.body.readBigUInt64LE(0));
}

function readBody(handle: number, offset = 0, bytes = 4096): Buffer {
  const body = Buffer.alloc(40);
  body.writeBigUInt64LE(BigInt(handle), 0);
  body.writeBigUInt64LE(BigInt(offset), 8);
  body.writeUInt32LE(bytes, 16);
  return body;
}

function pollBody(handle: number, number: number): Buffer {
  const body = Buffer.alloc(24);
  body.writeBigUInt64LE(BigInt(handle), 0);
  body.writeBigUInt64LE(BigInt(number), 8);
  body.writeUInt32LE(1, 16);
  return body;
}

const unique = (number: number) => {
  const body = Buffer.alloc(8);
  body.writeBigUInt64LE(BigInt(number));
  return body;
};

describe('requests', () => {
  test('a slow one is answered when its answer comes, others before it', async () => {
    const slow = send(OPERATIONS.read, 0, readBody(open('slow')));
    expect(session.latestWaits).toBe(true);
    expect(only(send(OPERATIONS.read, 0, readBody(open('quick')))).body.toString()).toBe('text\n');
    expect(replies.some((reply) => reply.unique === slow)).toBe(false);
    pending[0]('at last');
    await microtasks();
    expect(session.waiting).toBe(0);
    expect(only(slow).body.toString()).toBe('at last');
  });

  test('an interrupted one is answered once, with EINTR', async () => {
    const slow = send(OPERATIONS.read, 0, readBody(open('slow')));
    send(OPERATIONS.interrupt, 0, unique(slow));
    expect(only(slow).error).toBe(-ERRNO.EINTR);
    pending[0]('too late');
    await microtasks();
    only(slow);
    send(OPERATIONS.interrupt, 0, unique(slow));
    only(slow);
  });

  test('after the end nothing is sent any more', async () => {
    send(OPERATIONS.read, 0, readBody(open('slow')));
    const before = replies.length;
    session.end();
    pending[0]('too late');
    await microtasks();
    expect(replies).toHaveLength(before);
  });

  test('of a file that is gone: open is ESTALE, which makes the kernel look again', () => {
    const node = lookup('quick');
    alive = false;
    expect(only(send(OPERATIONS.open, node, Buffer.alloc(8))).error).toBe(-ERRNO.ESTALE);
  });

  test('a mode binds everybody', () => {
    expect(only(send(OPERATIONS.open, lookup('secret'), Buffer.alloc(8))).error).toBe(-ERRNO.EACCES);
  });

  test.each([
    ['lookup of a path', OPERATIONS.lookup, 1, Buffer.from('a/b\0'), ERRNO.EINVAL],
    ['lookup without an end', OPERATIONS.lookup, 1, Buffer.from('quick'), ERRNO.EINVAL],
    ['lookup of two names', OPERATIONS.lookup, 1, Buffer.from('quick\0x\0'), ERRNO.EINVAL],
    ['lookup of nothing', OPERATIONS.lookup, 1, Buffer.from('\0'), ERRNO.EINVAL],
    ['lookup of a long name', OPERATIONS.lookup, 1, Buffer.from(`${'x'.repeat(256)}\0`), ERRNO.ENAMETOOLONG],
    ['lookup below no node', OPERATIONS.lookup, 999, Buffer.from('x\0'), ERRNO.ESTALE],
    ['read of no handle', OPERATIONS.read, 1, readBody(999), ERRNO.EBADF],
    ['readdir of no handle', OPERATIONS.readdir, 1, readBody(999), ERRNO.EBADF],
    ['a short open', OPERATIONS.open, 1, Buffer.alloc(3), ERRNO.EINVAL],
    ['open of a directory', OPERATIONS.open, 1, Buffer.alloc(8), ERRNO.EISDIR],
    ['readlink of a directory', OPERATIONS.readlink, 1, Buffer.alloc(0), ERRNO.EINVAL],
    ['what nobody knows', 4711, 1, Buffer.alloc(8), ERRNO.ENOSYS],
    ['create', OPERATIONS.create, 1, Buffer.alloc(24), ERRNO.EACCES],
    ['mkdir', OPERATIONS.mkdir, 1, Buffer.alloc(24), ERRNO.EPERM],
  ])('%s is refused', (_, operation, node, body, errno) => {
    expect(only(send(operation, node, body)).error).toBe(-errno);
  });

  test('a write that announces more than it brings is EINVAL, and nothing is stored', () => {
    const handle = open('quick', 1);
    const body = Buffer.concat([readBody(handle, 0, 4096), Buffer.from('short')]);
    expect(only(send(OPERATIONS.write, 0, body)).error).toBe(-ERRNO.EINVAL);
    expect(written).toEqual([]);
  });

  test('a write of more than a page takes one', () => {
    const handle = open('quick', 1);
    const body = Buffer.concat([readBody(handle, 0, 100_000), Buffer.alloc(100_000, 0x61)]);
    expect(only(send(OPERATIONS.write, 0, body)).body.readUInt32LE(0)).toBe(4096);
    expect(written[0]).toHaveLength(4096);
  });

  test('anything at all: at most one reply each, and it goes on', async () => {
    const operations = Object.values(OPERATIONS);
    const one = fc.record({
      operation: fc.oneof(fc.constantFrom(...operations), fc.nat(100)),
      node: fc.oneof(fc.nat(8), fc.maxSafeNat()),
      body: fc.uint8Array({ maxLength: 120 }),
      length: fc.option(fc.nat(200), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 30 }), async (requests) => {
        for (const { operation, node, body, length } of requests) {
          const before = replies.length;
          const number = send(operation, node, Buffer.from(body));
          expect(replies.slice(before).filter((reply) => reply.unique === number).length).toBeLessThanOrEqual(1);
          if (length !== undefined) session.handle(request, length);
        }
        for (const go of pending.splice(0)) go('');
        await microtasks();
        const counts = new Map<number, number>();
        for (const { unique: number } of replies) counts.set(number, (counts.get(number) ?? 0) + 1);
        expect(only(send(OPERATIONS.getattr, 1, Buffer.alloc(16))).error).toBe(0);
        replies = [];
      }),
      { numRuns: 150 },
    );
  });
});

describe('what clients open is given up again', () => {
  test('files, directories, nodes', () => {
    const before = session.sizes;
    const node = lookup('folder');
    lookup('folder');
    const child = lookup('constant', node);
    const opened = Number(only(send(OPERATIONS.open, child, Buffer.alloc(8))).body.readBigUInt64LE(0));
    const listed = Number(only(send(OPERATIONS.opendir, node, Buffer.alloc(8))).body.readBigUInt64LE(0));
    expect(session.sizes).toEqual({ nodes: before.nodes + 2, files: 1, directories: 1 });
    const release = Buffer.alloc(24);
    release.writeBigUInt64LE(BigInt(opened));
    send(OPERATIONS.release, child, release);
    release.writeBigUInt64LE(BigInt(listed));
    send(OPERATIONS.releasedir, node, release);
    send(OPERATIONS.forget, child, unique(1));
    send(OPERATIONS.forget, node, unique(1));
    expect(session.sizes).toEqual({ nodes: before.nodes + 1, files: 0, directories: 0 });
    const batch = Buffer.alloc(8 + 2 * 16);
    batch.writeUInt32LE(1000, 0);
    batch.writeBigUInt64LE(BigInt(node), 8);
    batch.writeBigUInt64LE(1n, 16);
    batch.writeBigUInt64LE(1n, 24);
    batch.writeBigUInt64LE(50n, 32);
    send(OPERATIONS.batchForget, 0, batch);
    expect(session.sizes).toEqual(before);
    // The root is never forgotten.
    expect(lookup('folder')).toBeGreaterThan(0);
  });
});

describe('directories', () => {
  test('are read in pieces; positions are those of the first reading', () => {
    const handle = Number(only(send(OPERATIONS.opendir, 1, Buffer.alloc(8))).body.readBigUInt64LE(0));
    const names: string[] = [];
    for (let offset = 0, room = 70; ; ) {
      const { body } = only(send(OPERATIONS.readdir, 1, readBody(handle, offset, room)));
      if (body.length === 0) break;
      for (let at = 0; at < body.length; ) {
        const length = body.readUInt32LE(at + 16);
        names.push(body.toString('utf8', at + 24, at + 24 + length));
        const next = Number(body.readBigUInt64LE(at + 8));
        expect(next).toBeGreaterThan(offset);
        offset = next;
        at += Math.ceil((24 + length) / 8) * 8;
      }
    }
    expect(names).toEqual(['.', '..', 'folder', 'link', 'quick', 'secret', 'slow']);
  });
});

describe('poll', () => {
  const CHANGED = 0x00a;

  test('a file that was not read yet has changed', () => {
    const reply = only(send(OPERATIONS.poll, 0, pollBody(open('quick'), 5)));
    expect(reply.body.readUInt32LE(0) & CHANGED).toBe(CHANGED);
    expect(session.polls).toBe(0);
  });

  test('who waits is told once when the text is another, and when the file is gone', () => {
    const handle = open('quick');
    send(OPERATIONS.read, 0, readBody(handle));
    expect(only(send(OPERATIONS.poll, 0, pollBody(handle, 5))).body.readUInt32LE(0) & CHANGED).toBe(0);
    session.changed();
    expect(replies.at(-1)?.unique).not.toBe(0);
    text = 'other\n';
    session.changed();
    session.changed();
    const told = replies.filter((reply) => reply.unique === 0);
    expect(told.map(({ error, body }) => [error, Number(body.readBigUInt64LE(0))])).toEqual([[1, 5]]);
    expect(only(send(OPERATIONS.poll, 0, pollBody(handle, 6))).body.readUInt32LE(0) & CHANGED).toBe(CHANGED);
    send(OPERATIONS.read, 0, readBody(handle));
    send(OPERATIONS.poll, 0, pollBody(handle, 7));
    alive = false;
    session.changed();
    expect(Number(replies.at(-1)?.body.readBigUInt64LE(0))).toBe(7);
  });

  test('a driver that has to be asked is asked while others go on', async () => {
    const handle = open('slow');
    send(OPERATIONS.read, 0, readBody(handle));
    pending[0]('one');
    await microtasks();
    send(OPERATIONS.poll, 0, pollBody(handle, 9));
    expect(session.waiting).toBe(1);
    expect(only(send(OPERATIONS.read, 0, readBody(open('quick')))).error).toBe(0);
    pending[1]('two');
    await microtasks();
    expect(replies.at(-1)).toMatchObject({ unique: 0, error: 1 });
  });

  test('closing the file ends the waiting', () => {
    const handle = open('quick');
    send(OPERATIONS.read, 0, readBody(handle));
    send(OPERATIONS.poll, 0, pollBody(handle, 5));
    expect(session.polls).toBe(1);
    const release = Buffer.alloc(24);
    release.writeBigUInt64LE(BigInt(handle));
    send(OPERATIONS.release, 0, release);
    expect(session.polls).toBe(0);
  });
});

test('INIT offers 7.31, in the short form to an old kernel', () => {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(45, 4);
  const { body: out } = only(send(OPERATIONS.init, 0, body));
  expect([out.readUInt32LE(0), out.readUInt32LE(4), out.length]).toEqual([7, 31, 64]);
  body.writeUInt32LE(22, 4);
  expect(only(send(OPERATIONS.init, 0, body)).body).toHaveLength(24);
});
