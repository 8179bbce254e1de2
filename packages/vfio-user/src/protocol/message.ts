/** What every vfio-user message begins with. Written and read by the server and the client; pure. */

/** Bytes of a header. */
export const HEADER_BYTES = 16;
/** Where its fields lie: a message's number (16 bits), its command (16), its bytes (32), flags (32), an errno (32). */
export const HEADER = { id: 0, command: 2, size: 4, flags: 8, errno: 12 } as const;

/** Numbers of the commands. DMA_READ and DMA_WRITE are the server's, all others the client's. */
export const COMMANDS = {
  version: 1,
  dmaMap: 2,
  dmaUnmap: 3,
  deviceGetInfo: 4,
  deviceGetRegionInfo: 5,
  deviceGetRegionIoFds: 6,
  deviceGetIrqInfo: 7,
  deviceSetIrqs: 8,
  regionRead: 9,
  regionWrite: 10,
  dmaRead: 11,
  dmaWrite: 12,
  deviceReset: 13,
  dirtyPages: 14,
  regionWriteMulti: 15,
  deviceFeature: 16,
  migrationDataRead: 17,
  migrationDataWrite: 18,
} as const;

/** Flags of a header. The low four bits are the kind: 0 a command, 1 a reply. */
export const FLAGS = { kind: 0xf, reply: 1, noReply: 0x10, error: 0x20 } as const;

/** A message as it was received. */
export interface Message {
  readonly id: number;
  readonly command: number;
  readonly flags: number;
  readonly errno: number;
  /** What follows the header. Valid until the next one is taken. */
  readonly payload: Uint8Array;
}

/** What a message is sent with. */
export interface Head {
  readonly id: number;
  readonly command: number;
  readonly flags: number;
  /** 0: none. */
  readonly errno?: number;
}

/** Writes the header of a message of `size` bytes. */
export function putHeader(view: DataView, at: number, { id, command, flags, errno = 0 }: Head, size: number): void {
  view.setUint16(at + HEADER.id, id, true);
  view.setUint16(at + HEADER.command, command, true);
  view.setUint32(at + HEADER.size, size, true);
  view.setUint32(at + HEADER.flags, flags, true);
  view.setUint32(at + HEADER.errno, errno, true);
}
