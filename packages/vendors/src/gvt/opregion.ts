/** The OpRegion of a vGPU: what its firmware says of its display (gvt section 6). Read-only; pure. */

export const OPREGION_BYTES = 8192;
const SIGNATURE = 'IntelGraphicsMem';
/** In units of 1 KiB. */
const SIZE = 8;
const VERSION = 0x02000000;
/** Mailbox 4 alone: the video BIOS table. */
const MAILBOXES = 0x08;
const LID = 0x1ac;
const LID_OPEN = 3;

const VBT = 0x400;
const VBT_HEADER_BYTES = 48;
const VBT_VERSION = 155;
const BDB_HEADER_BYTES = 22;
const BDB_VERSION = 186;
/** Block of general definitions: its number, and its bytes before the children. */
const GENERAL_DEFINITIONS = 2;
const BLOCK_HEADER_BYTES = 3;
const DEFINITIONS_BYTES = 5;
const CHILD_BYTES = 33;
const DISPLAY_PORT = 0x68c6;

/** The four ports A to D: handle, port and AUX channel as the table numbers them. */
const CHILDREN = [
  { handle: 0x0004, port: 10, channel: 0x40 },
  { handle: 0x0010, port: 7, channel: 0x10 },
  { handle: 0x0020, port: 8, channel: 0x20 },
  { handle: 0x0040, port: 9, channel: 0x30 },
];

function putText(into: Uint8Array, offset: number, text: string): void {
  into.set(
    [...text].map((character) => character.charCodeAt(0)),
    offset,
  );
}

export function opRegion(): Uint8Array {
  const bytes = new Uint8Array(OPREGION_BYTES);
  const view = new DataView(bytes.buffer);
  putText(bytes, 0, SIGNATURE);
  view.setUint32(16, SIZE, true);
  view.setUint32(20, VERSION, true);
  view.setUint32(88, MAILBOXES, true);
  bytes[LID] = LID_OPEN;
  bytes.set(videoBiosTable(), VBT);
  return bytes;
}

function videoBiosTable(): Uint8Array {
  const block = DEFINITIONS_BYTES + CHILDREN.length * CHILD_BYTES;
  const table = new Uint8Array(VBT_HEADER_BYTES + BDB_HEADER_BYTES + BLOCK_HEADER_BYTES + block);
  const view = new DataView(table.buffer);
  putText(table, 0, '$VBT');
  view.setUint16(20, VBT_VERSION, true);
  view.setUint16(22, VBT_HEADER_BYTES, true);
  view.setUint16(24, table.length, true);
  view.setUint32(28, VBT_HEADER_BYTES, true);
  putText(table, VBT_HEADER_BYTES, 'BIOS_DATA_BLOCK ');
  view.setUint16(VBT_HEADER_BYTES + 16, BDB_VERSION, true);
  view.setUint16(VBT_HEADER_BYTES + 18, BDB_HEADER_BYTES, true);
  view.setUint16(VBT_HEADER_BYTES + 20, table.length - VBT_HEADER_BYTES, true);
  const definitions = VBT_HEADER_BYTES + BDB_HEADER_BYTES;
  table[definitions] = GENERAL_DEFINITIONS;
  view.setUint16(definitions + 1, block, true);
  table[definitions + BLOCK_HEADER_BYTES + DEFINITIONS_BYTES - 1] = CHILD_BYTES;
  for (const [i, { handle, port, channel }] of CHILDREN.entries()) {
    const child = definitions + BLOCK_HEADER_BYTES + DEFINITIONS_BYTES + i * CHILD_BYTES;
    view.setUint16(child, handle, true);
    view.setUint16(child + 2, DISPLAY_PORT, true);
    table[child + 16] = port;
    table[child + 25] = channel;
  }
  table[26] = -table.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return table;
}
