/**
 * Answers the kernel's requests from the tree. What shared memory can answer is answered at once; what a driver has to be
 * asked is answered when it has answered, and other requests go on meanwhile. Every request is answered exactly once: by its
 * result, or with EINTR when its client does not want to wait any more (what it asked for goes on then). Belongs to the thread
 * that serves the mount.
 */
import { ERRNO, isMediatedError, MediatedError } from '@mediated/core';
import { type DirectoryEntry, packEntries } from '../fuse/directory-entries.js';
import {
  BATCH_FORGET,
  FORGET,
  INIT,
  INTERRUPT,
  OPEN,
  OPERATIONS,
  POLL,
  READ,
  RELEASE,
  SCHEDULE_NOTIFY,
  SETATTR,
  WRITE,
} from '../fuse/protocol.js';
import { type Attributes, type Lifetime, LONG, NEVER, type Replies } from '../fuse/reply.js';
import type { Request } from '../fuse/request.js';
import type { Directory, Entry, Stay } from '../tree/entry.js';
import { type Node, Nodes } from './nodes.js';
import { OpenFile } from './open-file.js';

/** Name in the root directory that nothing has: who looks it up wakes this thread. */
export const WAKE_NAME = '.wake';

/** A name of something that goes with a driver is believed until the kernel's next tick but one. */
const LIFETIMES: Readonly<Record<Stay, Lifetime>> = {
  lasting: LONG,
  registered: { seconds: 0, nanoseconds: 1 },
  passing: NEVER,
};

/** Bits of `open` flags and of `valid` in SETATTR. */
const ACCESS_MODE = 3;
const ACCESS = ['read', 'write', 'read-write', 'read-write'] as const;
const OWNER_OR_MODE = 7;

/** What poll says always: readable and writable. And after a change: PRI and ERR. */
const POLL_ALWAYS = 0x145;
const POLL_CHANGED = 0x00a;

/** Size that attributes have for `stat`. */
const PAGE_BYTES = 4096;

/** Longest name of a file. */
const LONGEST_NAME = 255;

/** An open directory: what was in it when it was last read from the beginning. */
interface OpenDirectory {
  readonly node: Node & { readonly entry: Directory };
  entries: readonly DirectoryEntry[] | undefined;
}

export class Session {
  readonly #nodes: Nodes;
  readonly #replies: Replies;
  readonly #files = new Map<number, OpenFile>();
  readonly #directories = new Map<number, OpenDirectory>();
  /** Requests that wait for an answer from elsewhere. */
  readonly #deferred = new Set<number>();
  /** Who waits for a change of a file, by the number that POLL gave. */
  readonly #polls = new Map<number, OpenFile>();
  /** Files that are being looked at for changes. */
  #checks = 0;
  #nextHandle = 1;
  #latest = 0;

  constructor(root: Directory, replies: Replies) {
    this.#nodes = new Nodes(root);
    this.#replies = replies;
  }

  /** Whether the request that was handled last is not answered yet. */
  get latestWaits(): boolean {
    return this.#deferred.has(this.#latest);
  }

  /** How many answers of drivers are waited for. */
  get waiting(): number {
    return this.#deferred.size + this.#checks;
  }

  /** How many clients wait for a change. */
  get polls(): number {
    return this.#polls.size;
  }

  /** What is kept for clients: for tests. */
  get sizes(): { readonly nodes: number; readonly files: number; readonly directories: number } {
    return { nodes: this.#nodes.size, files: this.#files.size, directories: this.#directories.size };
  }

  /** Handles a request of `length` bytes that was read into `request`. Never throws for what a request says. */
  handle(request: Request, length: number): void {
    let unique = 0;
    try {
      request.begin(length);
      unique = request.unique;
      this.#latest = unique;
      this.#dispatch(request, unique);
    } catch (error) {
      if (unique !== 0) this.#replies.error(unique, errnoOf(error));
    }
  }

  /**
   * Something may have changed: who waits for a change of a file that says something else now is told. What drivers have to be
   * asked for that counts among what is waited for.
   */
  changed(): void {
    for (const [poll, file] of this.#polls) this.#check(poll, file);
  }

  #check(poll: number, file: OpenFile): void {
    const tell = (changed: boolean): void => {
      if (!changed || !this.#polls.delete(poll)) return;
      file.changed = true;
      this.#replies.notifyPoll(poll);
    };
    const changed = file.changed || file.hasChanged();
    if (typeof changed === 'boolean') tell(changed);
    else {
      this.#checks++;
      void changed.then((result) => {
        this.#checks--;
        tell(result);
      });
    }
  }

  /** The mount is gone: what is still being waited for is answered to nobody. */
  end(): void {
    this.#deferred.clear();
    this.#polls.clear();
  }

  #dispatch(request: Request, unique: number): void {
    const replies = this.#replies;
    switch (request.operation) {
      case OPERATIONS.lookup:
        return this.#lookup(unique, request.node, request.name());
      case OPERATIONS.forget:
        request.need(FORGET.size);
        return this.#nodes.forget(request.node, request.uint64(FORGET.lookups));
      case OPERATIONS.batchForget:
        return this.#batchForget(request);
      case OPERATIONS.getattr:
        return replies.attributes(unique, attributesOf(this.#nodes.get(request.node)));
      case OPERATIONS.setattr:
        request.need(SETATTR.size);
        if ((request.uint32(SETATTR.valid) & OWNER_OR_MODE) !== 0) return replies.error(unique, ERRNO.EPERM);
        return replies.attributes(unique, attributesOf(this.#nodes.get(request.node)));
      case OPERATIONS.readlink:
        return this.#readLink(unique, request.node);
      case OPERATIONS.open:
        request.need(OPEN.size);
        return this.#open(unique, request.node, request.uint32(OPEN.flags));
      case OPERATIONS.read:
        return this.#read(request, unique);
      case OPERATIONS.write:
        return this.#write(request, unique);
      case OPERATIONS.release:
        request.need(RELEASE.size);
        return this.#release(unique, request.uint64(RELEASE.handle));
      case OPERATIONS.opendir:
        return this.#openDirectory(unique, request.node);
      case OPERATIONS.readdir:
        return this.#readDirectory(request, unique);
      case OPERATIONS.releasedir:
        request.need(RELEASE.size);
        this.#directories.delete(request.uint64(RELEASE.handle));
        return replies.done(unique);
      case OPERATIONS.poll:
        return this.#poll(request, unique);
      case OPERATIONS.interrupt:
        request.need(INTERRUPT.size);
        return this.#interrupt(request.uint64(INTERRUPT.unique));
      case OPERATIONS.init:
        request.need(INIT.size);
        return replies.init(unique, request.uint32(INIT.minor), request.uint32(INIT.readAhead));
      case OPERATIONS.statfs:
        return replies.statfs(unique);
      case OPERATIONS.destroy:
        return replies.done(unique);
      case OPERATIONS.create:
      case OPERATIONS.tmpfile:
        return replies.error(unique, ERRNO.EACCES);
      case OPERATIONS.mknod:
      case OPERATIONS.mkdir:
      case OPERATIONS.unlink:
      case OPERATIONS.rmdir:
      case OPERATIONS.symlink:
      case OPERATIONS.link:
      case OPERATIONS.rename:
      case OPERATIONS.rename2:
        return replies.error(unique, ERRNO.EPERM);
      default:
        return replies.error(unique, ERRNO.ENOSYS);
    }
  }

  /** Answers with the result, now or when it is there. */
  #answer<T>(unique: number, result: T | Promise<T>, reply: (value: T) => void): void {
    if (!(result instanceof Promise)) return reply(result);
    this.#deferred.add(unique);
    result.then(
      (value) => {
        if (!this.#deferred.delete(unique)) return;
        try {
          reply(value);
        } catch (error) {
          this.#replies.error(unique, errnoOf(error));
        }
      },
      (error) => {
        if (this.#deferred.delete(unique)) this.#replies.error(unique, errnoOf(error));
      },
    );
  }

  #interrupt(unique: number): void {
    if (this.#deferred.delete(unique)) this.#replies.error(unique, ERRNO.EINTR);
  }

  #lookup(unique: number, id: number, name: string): void {
    const node = this.#nodes.directory(id);
    if (name.length > LONGEST_NAME) throw new MediatedError('ENAMETOOLONG', 'too long a name');
    this.#answer(unique, node.entry.lookup(name), (entry) => {
      if (entry === undefined) return this.#replies.error(unique, ERRNO.ENOENT);
      const found = this.#nodes.enter(node, name, entry);
      this.#replies.entry(unique, found.id, attributesOf(found), LIFETIMES[entry.stay]);
    });
  }

  #batchForget(request: Request): void {
    request.need(BATCH_FORGET.size);
    const count = request.uint32(BATCH_FORGET.count);
    for (let item = 0; item < count; item++) {
      const at = BATCH_FORGET.size + item * BATCH_FORGET.item;
      if (at + BATCH_FORGET.item > request.bodyLength) return;
      const lookups = request.uint64(at + BATCH_FORGET.itemLookups);
      this.#nodes.forget(request.uint64(at + BATCH_FORGET.itemNode), lookups);
    }
  }

  #readLink(unique: number, id: number): void {
    const { entry } = this.#nodes.get(id);
    if (entry.type !== 'link') throw new MediatedError('EINVAL', 'no link');
    this.#replies.data(unique, Buffer.from(entry.target));
  }

  #open(unique: number, id: number, flags: number): void {
    const { entry } = this.#nodes.get(id);
    if (entry.type !== 'file') throw new MediatedError('EISDIR', 'no file');
    // The kernel then walks the path again, and looks up what it believed in.
    if (!entry.attribute.alive()) throw new MediatedError('ESTALE', 'the file is gone');
    const handle = this.#nextHandle++;
    this.#files.set(handle, new OpenFile(entry, ACCESS[flags & ACCESS_MODE]));
    this.#replies.opened(unique, handle, true);
  }

  #read(request: Request, unique: number): void {
    request.need(READ.size);
    const file = this.#file(request.uint64(READ.handle));
    const part = file.read(request.uint64(READ.offset), request.uint32(READ.bytes));
    this.#answer(unique, part, (bytes) => this.#replies.data(unique, bytes));
  }

  #write(request: Request, unique: number): void {
    request.need(WRITE.size);
    const file = this.#file(request.uint64(WRITE.handle));
    const bytes = request.copy(WRITE.size, request.uint32(WRITE.bytes));
    this.#answer(unique, file.write(bytes), (taken) => this.#replies.written(unique, taken));
  }

  #release(unique: number, handle: number): void {
    const file = this.#files.get(handle);
    this.#files.delete(handle);
    if (this.#polls.size > 0) for (const [poll, polled] of this.#polls) if (polled === file) this.#polls.delete(poll);
    this.#replies.done(unique);
  }

  #openDirectory(unique: number, id: number): void {
    const handle = this.#nextHandle++;
    this.#directories.set(handle, { node: this.#nodes.directory(id), entries: undefined });
    this.#replies.opened(unique, handle, false);
  }

  #readDirectory(request: Request, unique: number): void {
    request.need(READ.size);
    const open = this.#directories.get(request.uint64(READ.handle));
    if (open === undefined) throw badHandle();
    const offset = request.uint64(READ.offset);
    const room = Math.min(request.uint32(READ.bytes), PAGE_BYTES * 8);
    const entries = offset === 0 || open.entries === undefined ? this.#list(open) : open.entries;
    this.#answer(unique, entries, (listed) => {
      open.entries = listed;
      this.#replies.data(unique, packEntries(listed, offset, room));
    });
  }

  #list({ node }: OpenDirectory): readonly DirectoryEntry[] | Promise<readonly DirectoryEntry[]> {
    const finish = (listed: Iterable<readonly [string, Entry]>): readonly DirectoryEntry[] => {
      const entries: DirectoryEntry[] = [];
      for (const [name, entry] of listed) {
        entries.push({ name, type: entry.type, inode: this.#nodes.inodeBelow(node, name, entry) });
      }
      entries.sort((a, b) => (a.name < b.name ? -1 : 1));
      const up = node.parent ?? node;
      entries.unshift(
        { name: '.', type: 'directory', inode: node.inode },
        { name: '..', type: 'directory', inode: up.inode },
      );
      return entries;
    };
    const listed = node.entry.list();
    return listed instanceof Promise ? listed.then(finish) : finish(listed);
  }

  #poll(request: Request, unique: number): void {
    request.need(POLL.size);
    const file = this.#file(request.uint64(POLL.handle));
    const changed = file.changed || !file.alive;
    const poll = request.uint64(POLL.poll);
    const waits = !changed && (request.uint32(POLL.flags) & SCHEDULE_NOTIFY) !== 0;
    if (waits) this.#polls.set(poll, file);
    this.#replies.polled(unique, changed ? POLL_ALWAYS | POLL_CHANGED : POLL_ALWAYS);
    // What changed after the client's last read and before this was told to nobody.
    if (waits) this.#check(poll, file);
  }

  #file(handle: number): OpenFile {
    const file = this.#files.get(handle);
    if (file === undefined) throw badHandle();
    return file;
  }
}

function badHandle(): MediatedError {
  return new MediatedError('EBADF', 'no open file of this number');
}

function attributesOf({ inode, entry }: Node): Attributes {
  const common = { inode, type: entry.type, links: 1 };
  if (entry.type === 'file') {
    return { ...common, mode: entry.attribute.mode, bytes: entry.attribute.binary?.size ?? PAGE_BYTES };
  }
  return { ...common, mode: entry.type === 'link' ? 0o777 : 0o755, bytes: 0 };
}

/** The errno of anything that was thrown. */
function errnoOf(error: unknown): number {
  return isMediatedError(error) ? -error.errno : ERRNO.EIO;
}
