/** Entry point `@mediated/core/memory`: slots in shared memory, the tables over them, and UUID text. */
export { Arena, type ArenaHandle, type ArenaOptions, type AttachOptions } from './arena.js';
export { SLOT_PAYLOAD } from './arena-layout.js';
export { NAME_BYTES, NameTable, type NameTableHandle } from './name-table.js';
export { formatUuid, parseUuid, UUID_WORDS } from './uuid.js';
export { UuidTable, type UuidTableHandle, type UuidTableOptions } from './uuid-table.js';
