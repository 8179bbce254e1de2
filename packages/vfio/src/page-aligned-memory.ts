/**
 * Shared memory that begins at a page of the machine, as what is to be mapped by other processes must. Called by drivers
 * for memory that their devices map; pure.
 */

const WASM_PAGE_BYTES = 65536;

/** The part of WebAssembly that is used: its memory begins at a page and stays where it is. */
interface SharedMemories {
  readonly Memory: new (pages: {
    readonly initial: number;
    readonly maximum: number;
    readonly shared: true;
  }) => { readonly buffer: SharedArrayBuffer };
}
const { Memory } = (globalThis as unknown as { readonly WebAssembly: SharedMemories }).WebAssembly;

/**
 * `bytes` of shared memory that begins at a page, zeroed; pages are supplied when they are touched. At most 4 GiB.
 * RangeError or TypeError: it cannot be had.
 */
export function pageAlignedMemory(bytes: number): Uint8Array<SharedArrayBuffer> {
  const pages = Math.ceil(bytes / WASM_PAGE_BYTES);
  return new Uint8Array(new Memory({ initial: pages, maximum: pages, shared: true }).buffer, 0, bytes);
}
