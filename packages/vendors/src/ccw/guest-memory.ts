/** What channel-program translation needs of a device's view of guest memory; `VfioDevice.dma` is one. */
export interface GuestMemory {
  /** Fills `into` from `iova`. Errors: EINVAL (not mapped), EPERM (no read permission), EFAULT. */
  read(iova: bigint | number, into: Uint8Array): void;
  /** Pins pages and returns them, one view per page. Errors: EINVAL (not mapped), EPERM, E2BIG, ENOMEM; then none is. */
  pin(iova: bigint | number, pages: number, access: 'read' | 'write' | 'read-write'): Uint8Array[];
  unpin(iova: bigint | number, pages: number): void;
}
