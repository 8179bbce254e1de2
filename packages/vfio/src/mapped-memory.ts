/**
 * What mmap(2) says and gives: how a program wants to map a part of a file, and the memory that it gets. Between clients
 * (`remote-file.ts`) and drivers (`operations.ts`, `anonymous-file.ts`); as one number in the message.
 */

/**
 * Memory of a device, itself: a view of exactly the bytes that are mapped, which stays shared when it is sent to another
 * thread. JavaScript cannot forbid writes: who maps memory only for reading has promised not to write.
 */
export type MappedMemory = Uint8Array<SharedArrayBuffer>;

/** How a program maps. */
export interface MapAccess {
  /** It will write, not only read; default true. */
  readonly write?: boolean;
  /** It wants the memory itself (MAP_SHARED), no copy of its own; default true. */
  readonly shared?: boolean;
}

const WRITE = 1;
const SHARED = 2;

/** As it travels. */
export function accessBits({ write = true, shared = true }: MapAccess = {}): number {
  return (write ? WRITE : 0) | (shared ? SHARED : 0);
}

export function accessOf(bits: number): Required<MapAccess> {
  return { write: (bits & WRITE) !== 0, shared: (bits & SHARED) !== 0 };
}
