/** The messages of a machine that only reads and writes registers, as bytes. Laid out by hand: nothing of the server's is used. */

const HEADER_BYTES = 16;
const ACCESS_BYTES = 16;
const COMMAND = { version: 1, regionRead: 9, regionWrite: 10 } as const;
const NO_REPLY = 0x10;

/** Bytes of a request to read, of the answer with one byte, and of a write of one byte. */
export const READ_BYTES = HEADER_BYTES + ACCESS_BYTES;
export const ANSWER_BYTES = READ_BYTES + 1;
export const POSTED_BYTES = READ_BYTES + 1;

/** A place of a device. */
export interface Register {
  readonly region: number;
  readonly offset: number;
}

/** Says hello with the defaults of the protocol. Returns the bytes written. */
export function putVersion(view: DataView): number {
  putHeader(view, 0, { id: 0, command: COMMAND.version, size: HEADER_BYTES + 4, flags: 0 });
  view.setUint32(HEADER_BYTES, 0, true);
  return HEADER_BYTES + 4;
}

export function putRead(view: DataView, at: number, id: number, register: Register): void {
  putHeader(view, at, { id, command: COMMAND.regionRead, size: READ_BYTES, flags: 0 });
  putAccess(view, at, register);
}

export function putPosted(view: DataView, at: number, id: number, register: Register, value: number): void {
  putHeader(view, at, { id, command: COMMAND.regionWrite, size: POSTED_BYTES, flags: NO_REPLY });
  putAccess(view, at, register);
  view.setUint8(at + READ_BYTES, value);
}

/** Another number in a message that is there. */
export function renumber(view: DataView, at: number, id: number): void {
  view.setUint16(at, id, true);
}

/** Whether the answer there is to that number and no error; the echo answers the same. */
export function isAnswer(view: DataView, at: number, id: number): boolean {
  return view.getUint16(at, true) === id && view.getUint32(at + 8, true) === 1;
}

function putHeader(
  view: DataView,
  at: number,
  { id, command, size, flags }: { id: number; command: number; size: number; flags: number },
): void {
  view.setUint16(at, id, true);
  view.setUint16(at + 2, command, true);
  view.setUint32(at + 4, size, true);
  view.setUint32(at + 8, flags, true);
  view.setUint32(at + 12, 0, true);
}

function putAccess(view: DataView, at: number, { region, offset }: Register): void {
  view.setBigUint64(at + HEADER_BYTES, BigInt(offset), true);
  view.setUint32(at + HEADER_BYTES + 8, region, true);
  view.setUint32(at + HEADER_BYTES + 12, 1, true);
}
