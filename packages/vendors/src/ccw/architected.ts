/**
 * The structures that a guest, the driver and a subchannel exchange, and the bits in them (ccw sections 4 and 5).
 * Read and written by all of the driver; constants only.
 */
import { defineBits } from './bits.js';

/** Operation request block: what start subchannel is given. */
export const ORB = defineBits(12, {
  intparm: [0, 0, 31],
  key: [1, 0, 3],
  suspend: [1, 4, 4],
  modify: [1, 6, 6],
  sync: [1, 7, 7],
  /** 1: format-1 CCWs. */
  format: [1, 8, 8],
  prefetch: [1, 9, 9],
  initialStatus: [1, 10, 10],
  limitChecking: [1, 11, 11],
  suppressSuspend: [1, 12, 12],
  transport: [1, 13, 13],
  /** 1: 64-bit (format-2) IDAWs. */
  c64: [1, 14, 14],
  /** 1: blocks of 2 KiB with 64-bit IDAWs. */
  i2k: [1, 15, 15],
  /** Logical path mask. */
  lpm: [1, 16, 23],
  incorrectLength: [1, 24, 24],
  extension: [1, 31, 31],
  /** Address of the first CCW. */
  address: [2, 0, 31],
});

/** Subchannel status word. */
export const SCSW = defineBits(12, {
  key: [0, 0, 3],
  suspendControl: [0, 4, 4],
  extendedStatus: [0, 5, 5],
  deferredCondition: [0, 6, 7],
  format: [0, 8, 8],
  prefetch: [0, 9, 9],
  initialStatus: [0, 10, 10],
  limitChecking: [0, 11, 11],
  suppressSuspend: [0, 12, 12],
  zeroCondition: [0, 13, 13],
  extendedControl: [0, 14, 14],
  pathNotOperational: [0, 15, 15],
  functions: [0, 17, 19],
  activity: [0, 20, 26],
  status: [0, 27, 31],
  address: [1, 0, 31],
  deviceStatus: [2, 0, 7],
  subchannelStatus: [2, 8, 15],
  /** Residual count of bytes. */
  count: [2, 16, 31],
});

/** Function control: which instructions are being carried out. */
export const FUNCTION = { start: 4, halt: 2, clear: 1 } as const;

/** Activity control. */
export const ACTIVITY = {
  resumePending: 0x40,
  startPending: 0x20,
  haltPending: 0x10,
  clearPending: 8,
  subchannelActive: 4,
  deviceActive: 2,
  suspended: 1,
} as const;

/** Status control. */
export const STATUS = { alert: 0x10, intermediate: 8, primary: 4, secondary: 2, pending: 1 } as const;

/** Status of the device, as its control unit gives it. */
export const DEVICE_STATUS = { attention: 0x80, modifier: 0x40, channelEnd: 8, deviceEnd: 4, unitCheck: 2 } as const;

/** Status of the channel. */
export const SUBCHANNEL_STATUS = { interruption: 0x80, incorrectLength: 0x40, programCheck: 0x20 } as const;

/**
 * Subchannel information block: path management control word (28 bytes), SCSW (12), block address and
 * model-dependent area (12).
 */
export const SCHIB = defineBits(52, {
  intparm: [0, 0, 31],
  qdio: [1, 0, 0],
  subclass: [1, 2, 4],
  enabled: [1, 8, 8],
  deviceNumberValid: [1, 15, 15],
  deviceNumber: [1, 16, 31],
  /** Path masks: logical, not operational, last used, installed. */
  lpm: [2, 0, 7],
  pnom: [2, 8, 15],
  lpum: [2, 16, 23],
  pim: [2, 24, 31],
  /** Path masks: operational, available. */
  pom: [3, 16, 23],
  pam: [3, 24, 31],
  concurrentSense: [6, 31, 31],
  functions: [7, 17, 19],
  activity: [7, 20, 26],
  status: [7, 27, 31],
});

/** Where the SCSW lies in a SCHIB, and the numbers of the eight channel paths. */
export const SCHIB_SCSW = 28;
export const SCHIB_PATHS = 16;

/** Interruption response block as stored by test subchannel: SCSW 12, extended status 20, extended control 32. */
export const IRB_BYTES = 64;

/** Channel command word, format 1. */
export const CCW = defineBits(8, { command: [0, 0, 7], flags: [0, 8, 15], count: [0, 16, 31], address: [1, 0, 31] });

/** Channel command word, format 0. */
export const CCW0 = defineBits(8, { command: [0, 0, 7], address: [0, 8, 31], flags: [1, 0, 7], count: [1, 16, 31] });

/** Flags of a CCW. */
export const CCW_FLAGS = {
  dataChaining: 0x80,
  commandChaining: 0x40,
  suppressLength: 0x20,
  skip: 0x10,
  interruption: 8,
  indirect: 4,
  suspend: 2,
} as const;

/** Transfer in channel: the program goes on elsewhere. */
export const TIC = 0x08;
/** Control command that does nothing and moves nothing. */
export const NO_OPERATION = 0x03;

/** Channel report word. */
export const CRW = defineBits(4, {
  solicited: [0, 1, 1],
  overflow: [0, 2, 2],
  chained: [0, 3, 3],
  source: [0, 4, 7],
  ancillary: [0, 8, 8],
  recovery: [0, 10, 15],
  id: [0, 16, 31],
});

/** Reporting source and recovery codes of the reports that a guest gets. */
export const CRW_SOURCE_PATH = 4;
export const CRW_RECOVERY = { initialized: 2, permanent: 6 } as const;
