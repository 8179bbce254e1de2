/**
 * Answers to the kernel. Each is built in the one buffer of its `Replies` and written at once, by the thread that serves
 * the mount. A reply that the kernel does not want any more (its request was aborted, the mount is gone) is dropped.
 */
import { writeSync } from 'node:fs';
import {
  ATTR,
  ATTR_OUT,
  DIRECT_IO,
  ENTRY_OUT,
  FEATURES,
  FILE_TYPES,
  type FileType,
  INIT_OUT,
  MAJOR,
  MAX_WRITE,
  MINOR,
  NOTIFY_POLL,
  OPEN_OUT,
  OUT,
  OUT_HEADER,
  POLL_OUT,
  STATFS_OUT,
  WRITE_OUT,
} from './protocol.js';

/** Largest body of a reply. */
const BODY_BYTES = 64 * 1024;

/** What `stat` tells of a node. */
export interface Attributes {
  readonly inode: number;
  readonly type: FileType;
  /** Permission bits. */
  readonly mode: number;
  readonly bytes: number;
  readonly links: number;
}

/** How long the kernel may believe something without asking again, in nanoseconds below a second or in seconds. */
export interface Lifetime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

export const NEVER: Lifetime = { seconds: 0, nanoseconds: 0 };
export const LONG: Lifetime = { seconds: 86_400, nanoseconds: 0 };

/** How replies leave; replaced in tests. */
export type Send = (bytes: Uint8Array) => void;

/** Writes to an open `/dev/fuse`. */
export function sendTo(descriptor: number): Send {
  return (bytes) => {
    try {
      writeSync(descriptor, bytes);
    } catch (error) {
      // ENOENT: the request was aborted. ENODEV, EPERM: the mount is gone. Nobody waits for this reply.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENODEV' && code !== 'EPERM') throw error;
    }
  };
}

export class Replies {
  readonly #send: Send;
  readonly #owner: { readonly uid: number; readonly gid: number };
  /** Seconds since the epoch: the time stamps of everything. */
  readonly #time: number;
  readonly #bytes = Buffer.alloc(OUT_HEADER + BODY_BYTES);

  constructor(send: Send, owner: { readonly uid: number; readonly gid: number }, time: number) {
    this.#send = send;
    this.#owner = owner;
    this.#time = time;
  }

  /** Success without anything. */
  done(unique: number): void {
    this.#finish(unique, 0);
  }

  /** `errno`: positive. */
  error(unique: number, errno: number): void {
    this.#finish(unique, 0, -errno);
  }

  init(unique: number, minor: number, readAhead: number): void {
    const size = minor < INIT_OUT.shortBefore ? INIT_OUT.shortSize : INIT_OUT.size;
    this.#clear(size);
    this.#uint32(INIT_OUT.major, MAJOR);
    this.#uint32(INIT_OUT.minor, MINOR);
    this.#uint32(INIT_OUT.readAhead, readAhead);
    const { atomicTruncate, bigWrites, parallelDirectories, abortError, cacheSymlinks } = FEATURES;
    this.#uint32(INIT_OUT.flags, atomicTruncate | bigWrites | parallelDirectories | abortError | cacheSymlinks);
    this.#uint32(INIT_OUT.maxWrite, MAX_WRITE);
    this.#uint32(INIT_OUT.granularity, 1);
    this.#finish(unique, size);
  }

  entry(unique: number, node: number, attributes: Attributes, name: Lifetime): void {
    this.#clear(ENTRY_OUT.size);
    this.#uint64(ENTRY_OUT.node, node);
    this.#uint64(ENTRY_OUT.nameSeconds, name.seconds);
    this.#uint32(ENTRY_OUT.nameNanoseconds, name.nanoseconds);
    this.#uint64(ENTRY_OUT.attrSeconds, LONG.seconds);
    this.#attributes(ENTRY_OUT.attr, attributes);
    this.#finish(unique, ENTRY_OUT.size);
  }

  attributes(unique: number, attributes: Attributes): void {
    this.#clear(ATTR_OUT.size);
    this.#uint64(ATTR_OUT.seconds, LONG.seconds);
    this.#attributes(ATTR_OUT.attr, attributes);
    this.#finish(unique, ATTR_OUT.size);
  }

  /** A file or a directory was opened. `direct`: no page of it may be cached. */
  opened(unique: number, handle: number, direct: boolean): void {
    this.#clear(OPEN_OUT.size);
    this.#uint64(OPEN_OUT.handle, handle);
    this.#uint32(OPEN_OUT.flags, direct ? DIRECT_IO : 0);
    this.#finish(unique, OPEN_OUT.size);
  }

  written(unique: number, bytes: number): void {
    this.#clear(WRITE_OUT.size);
    this.#uint32(WRITE_OUT.bytes, bytes);
    this.#finish(unique, WRITE_OUT.size);
  }

  /** At most 64 KiB. */
  data(unique: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, OUT_HEADER);
    this.#finish(unique, bytes.length);
  }

  polled(unique: number, events: number): void {
    this.#clear(POLL_OUT.size);
    this.#uint32(POLL_OUT.events, events);
    this.#finish(unique, POLL_OUT.size);
  }

  /** Who waits for a file with the number that its POLL gave is to look again. */
  notifyPoll(poll: number): void {
    this.#uint64(NOTIFY_POLL.poll, poll);
    this.#finish(0, NOTIFY_POLL.size, NOTIFY_POLL.code);
  }

  statfs(unique: number): void {
    this.#clear(STATFS_OUT.size);
    this.#uint32(STATFS_OUT.blockSize, 4096);
    this.#uint32(STATFS_OUT.fragmentSize, 4096);
    this.#uint32(STATFS_OUT.nameLength, 255);
    this.#finish(unique, STATFS_OUT.size);
  }

  #attributes(at: number, { inode, type, mode, bytes, links }: Attributes): void {
    this.#uint64(at + ATTR.inode, inode);
    this.#uint64(at + ATTR.bytes, bytes);
    for (const stamp of [ATTR.accessed, ATTR.modified, ATTR.changed]) this.#uint64(at + stamp, this.#time);
    this.#uint32(at + ATTR.mode, FILE_TYPES[type].mode | mode);
    this.#uint32(at + ATTR.links, links);
    this.#uint32(at + ATTR.uid, this.#owner.uid);
    this.#uint32(at + ATTR.gid, this.#owner.gid);
    this.#uint32(at + ATTR.blockSize, 4096);
  }

  #clear(size: number): void {
    this.#bytes.fill(0, OUT_HEADER, OUT_HEADER + size);
  }

  #uint32(at: number, value: number): void {
    this.#bytes.writeUInt32LE(value, OUT_HEADER + at);
  }

  #uint64(at: number, value: number): void {
    this.#bytes.writeUInt32LE(value % 2 ** 32, OUT_HEADER + at);
    this.#bytes.writeUInt32LE(Math.floor(value / 2 ** 32), OUT_HEADER + at + 4);
  }

  #finish(unique: number, body: number, error = 0): void {
    const length = OUT_HEADER + body;
    this.#bytes.writeUInt32LE(length, OUT.length);
    this.#bytes.writeInt32LE(error, OUT.error);
    this.#bytes.writeUInt32LE(unique % 2 ** 32, OUT.unique);
    this.#bytes.writeUInt32LE(Math.floor(unique / 2 ** 32), OUT.unique + 4);
    this.#send(this.#bytes.subarray(0, length));
  }
}
