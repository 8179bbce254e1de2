/** Packs entries of a directory as READDIR wants them. Used by the thread that serves the mount. */
import { DIRENT, FILE_TYPES, type FileType } from './protocol.js';

export interface DirectoryEntry {
  readonly name: string;
  readonly type: FileType;
  readonly inode: number;
}

/**
 * The entries from the position `from` on, as many as `room` bytes hold; empty at the end. An entry's cookie is the position
 * after it.
 */
export function packEntries(entries: readonly DirectoryEntry[], from: number, room: number): Uint8Array {
  const packed = Buffer.alloc(room);
  let at = 0;
  for (let position = from; position < entries.length; position++) {
    const { name, type, inode } = entries[position];
    const length = Buffer.byteLength(name);
    const size = Math.ceil((DIRENT.name + length) / DIRENT.alignment) * DIRENT.alignment;
    if (at + size > room) break;
    write64(packed, at + DIRENT.inode, inode);
    write64(packed, at + DIRENT.offset, position + 1);
    packed.writeUInt32LE(length, at + DIRENT.nameLength);
    packed.writeUInt32LE(FILE_TYPES[type].entry, at + DIRENT.type);
    packed.write(name, at + DIRENT.name);
    at += size;
  }
  return packed.subarray(0, at);
}

function write64(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value % 2 ** 32, at);
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}
