/**
 * The part of the FUSE kernel protocol (7.31) that is spoken here, as data: operations, flags, sizes and places of fields in
 * bytes. All numbers are in the machine's byte order, which on every machine that Node runs FUSE on is little endian.
 * Read by the decoder and the encoders; immutable.
 */

/** Version that is offered. A kernel that speaks a later one follows. */
export const MAJOR = 7;
export const MINOR = 31;

/** What the kernel asks for. */
export const OPERATIONS = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  create: 35,
  interrupt: 36,
  destroy: 38,
  poll: 40,
  batchForget: 42,
  rename2: 45,
  tmpfile: 51,
} as const;

/** `fuse_in_header`. */
export const IN_HEADER = 40;
export const IN = { length: 0, operation: 4, unique: 8, node: 16 } as const;

/** `fuse_out_header`. */
export const OUT_HEADER = 16;
export const OUT = { length: 0, error: 4, unique: 8 } as const;

/** What follows the header of a request: places counted from the end of the header, and the least length. */
export const FORGET = { lookups: 0, size: 8 } as const;
export const BATCH_FORGET = { count: 0, size: 8, item: 16, itemNode: 0, itemLookups: 8 } as const;
export const SETATTR = { valid: 0, size: 88 } as const;
export const OPEN = { flags: 0, size: 8 } as const;
export const READ = { handle: 0, offset: 8, bytes: 16, size: 40 } as const;
export const WRITE = { handle: 0, offset: 8, bytes: 16, size: 40 } as const;
export const RELEASE = { handle: 0, size: 24 } as const;
export const INIT = { major: 0, minor: 4, readAhead: 8, flags: 12, size: 16 } as const;
export const INTERRUPT = { unique: 0, size: 8 } as const;
export const POLL = { handle: 0, poll: 8, flags: 16, size: 24 } as const;

/** `fuse_init_out`. A kernel before 7.23 takes the short form. */
export const INIT_OUT = {
  major: 0,
  minor: 4,
  readAhead: 8,
  flags: 12,
  maxBackground: 16,
  congestion: 18,
  maxWrite: 20,
  granularity: 24,
  size: 64,
  shortSize: 24,
  shortBefore: 23,
} as const;

/** Flags of INIT. */
export const FEATURES = {
  atomicTruncate: 1 << 3,
  bigWrites: 1 << 5,
  parallelDirectories: 1 << 18,
  abortError: 1 << 21,
  cacheSymlinks: 1 << 23,
} as const;

/** `fuse_attr`. */
export const ATTR = {
  inode: 0,
  bytes: 8,
  blocks: 16,
  accessed: 24,
  modified: 32,
  changed: 40,
  mode: 60,
  links: 64,
  uid: 68,
  gid: 72,
  blockSize: 80,
  size: 88,
} as const;

/** `fuse_entry_out`, behind which the attributes stand. */
export const ENTRY_OUT = {
  node: 0,
  generation: 8,
  nameSeconds: 16,
  attrSeconds: 24,
  nameNanoseconds: 32,
  attrNanoseconds: 36,
  attr: 40,
  size: 128,
} as const;

/** `fuse_attr_out`. */
export const ATTR_OUT = { seconds: 0, nanoseconds: 8, attr: 16, size: 104 } as const;

/** `fuse_open_out`. */
export const OPEN_OUT = { handle: 0, flags: 8, size: 16 } as const;
/** Flag of it: every read and write comes here. */
export const DIRECT_IO = 1;

export const WRITE_OUT = { bytes: 0, size: 8 } as const;
export const POLL_OUT = { events: 0, size: 8 } as const;
export const STATFS_OUT = { blockSize: 40, nameLength: 44, fragmentSize: 48, size: 80 } as const;

/** Flag of POLL: somebody waits, and is to be told. */
export const SCHEDULE_NOTIFY = 1;
/** The notification of it, in the place of an error; its body is the number that POLL gave. */
export const NOTIFY_POLL = { code: 1, poll: 0, size: 8 } as const;

/** `fuse_dirent`; names follow, padded to 8 bytes. */
export const DIRENT = { inode: 0, offset: 8, nameLength: 16, type: 20, name: 24, alignment: 8 } as const;

/** File types of directory entries, and the bits of `mode`. */
export const FILE_TYPES = {
  directory: { entry: 4, mode: 0o040000 },
  file: { entry: 8, mode: 0o100000 },
  link: { entry: 10, mode: 0o120000 },
} as const;
export type FileType = keyof typeof FILE_TYPES;

/** Number of the root directory's node. */
export const ROOT_NODE = 1;

/** Most bytes that one write request may carry. One write system call of that size is one request. */
export const MAX_WRITE = 128 * 1024;
/** Room for the largest request. Must exceed MAX_WRITE by headers; the kernel wants a page more. */
export const REQUEST_BYTES = MAX_WRITE + 8192;
