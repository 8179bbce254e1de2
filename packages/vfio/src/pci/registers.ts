/** Numbers of PCI configuration space: registers of the header, bits, capability ids. Data only. */

/** Bytes of configuration space: conventional, and with the extended part. */
export const CONFIG_BYTES = 256;
export const EXTENDED_CONFIG_BYTES = 4096;
/** Where the standard header ends and capabilities may begin. */
export const HEADER_BYTES = 0x40;

export const COMMAND = 0x04;
export const STATUS = 0x06;
export const BAR0 = 0x10;
export const BAR5_END = 0x28;
export const ROM = 0x30;
export const ROM_END = 0x34;
export const CAPABILITY_POINTER = 0x34;
export const INTERRUPT_LINE = 0x3c;
export const INTERRUPT_PIN = 0x3d;

/** Bits of the command register. */
export const COMMAND_IO = 0x1;
export const COMMAND_MEMORY = 0x2;
export const COMMAND_MASTER = 0x4;
export const COMMAND_INTX_DISABLE = 0x400;
/** What a device takes of a write to the command register. */
export const COMMAND_WRITABLE = 0x0547;

/** Bits of the status register. */
export const STATUS_INTERRUPT = 0x08;
export const STATUS_CAPABILITIES = 0x10;
/** Error bits: a write of 1 clears one. */
export const STATUS_ERRORS = 0xf900;

/** Ids of capabilities. */
export const CAPABILITY = {
  pm: 1,
  agp: 2,
  vpd: 3,
  msi: 5,
  pcix: 7,
  hyperTransport: 8,
  vendor: 9,
  express: 0x10,
  msix: 0x11,
  sata: 0x12,
  af: 0x13,
} as const;

/** Ids of extended capabilities. */
export const EXTENDED = {
  aer: 1,
  virtualChannel: 2,
  serialNumber: 3,
  powerBudget: 4,
  multiFunctionVirtualChannel: 8,
  virtualChannel9: 9,
  vendor: 0xb,
  acs: 0xd,
  ari: 0xe,
  ats: 0xf,
  sriov: 0x10,
  multicast: 0x12,
  pageRequest: 0x13,
  resizableBar: 0x15,
  dpa: 0x16,
  tph: 0x17,
  ltr: 0x18,
  dvsec: 0x23,
} as const;

/** Power management: control register, its state field. */
export const PM_CONTROL = 4;
export const PM_STATE = 0x3;
export const PM_NO_SOFT_RESET = 0x8;

/** MSI: the flags register. */
export const MSI_FLAGS = 2;
export const MSI_ENABLE = 0x1;
export const MSI_CAPABLE = 0xe;
export const MSI_CONFIGURED = 0x70;
export const MSI_64BIT = 0x80;
export const MSI_MASKABLE = 0x100;

/** MSI-X: the flags register, and where table and pending bits lie. */
export const MSIX_FLAGS = 2;
export const MSIX_TABLE = 4;
export const MSIX_PENDING = 8;
export const MSIX_SIZE = 0x7ff;
export const MSIX_ENABLE = 0x8000;

/** PCI Express: device capabilities and control. */
export const EXPRESS_CAPABILITIES = 4;
export const EXPRESS_FLR_CAPABLE = 0x1000_0000;
export const EXPRESS_CONTROL = 8;
export const EXPRESS_FLR = 0x8000;
export const EXPRESS_PAYLOAD = 0x00e0;
export const EXPRESS_READ_REQUEST = 0x7000;

/** Advanced features: what it can, and its control register. */
export const AF_CAPABILITIES = 3;
export const AF_TRANSACTIONS_PENDING = 1;
export const AF_FLR_CAPABLE = 2;
export const AF_CONTROL = 4;
export const AF_FLR = 1;

/** Vital product data: address, whose top bit says that the data are ready, and data. */
export const VPD_ADDRESS = 2;
export const VPD_FLAG = 0x8000;
export const VPD_DATA = 4;
