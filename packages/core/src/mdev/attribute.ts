/**
 * The attribute model: what sysfs shows of an mdev bus, as objects. An attribute is one file, a directory is a set of
 * attributes and links that belong to one thing (a type, a device, the bus, a driver, a parent). Used by whoever serves
 * the tree (over FUSE, say) and by tools that want the kernel's files without it. Any thread.
 *
 * Nothing is cached: what exists is read from the bus memory at each call. An attribute stands for one life of its
 * owner: once that is over it is dead for ever, also if an owner of the same name comes (spec/mdev-core sections 6 to 8).
 */
/** One attribute in one life of its owner. */
export interface Attribute {
  /** File name, or `group/name` in a vendor's group. */
  readonly path: string;
  /** Permission bits; they bind everybody, root too. */
  readonly mode: number;
  /** Whether the file still exists. Once false, false for ever. */
  alive(): boolean;
  /** Text of the file; absent: write-only. */
  show?(): string | Promise<string>;
  /** Takes what was written, 1 to 4096 bytes; throws to refuse it. Absent: read-only. */
  store?(bytes: Buffer): void | Promise<void>;
}

/** A symbolic link. */
export interface AttributeLink {
  readonly name: string;
  /** What `readlink` gives: a path relative to the link's directory. */
  readonly target: string;
}

/** How a file is opened. */
export type Access = 'read' | 'write' | 'read-write';
