/**
 * How a driver has something done for another device of its own on that device's thread: steps of what concerns a whole
 * device set. Given to the driver by the device files' actor of its thread (`DeviceOperations.connect`), which also serves
 * the steps that others ask for (`DeviceOperations.step`).
 */

/** Where a device's steps are asked for: thread and actor, and the slot's generation. */
export interface PeerAddress {
  readonly thread: number;
  readonly actor: number;
}

export interface DevicePeers {
  /** Where this thread is asked. */
  readonly own: PeerAddress;
  /**
   * Has a step done for the device in a slot; its result. Rejects with ENODEV (the device is gone) and EIO or ESHUTDOWN (its
   * thread has died, its driver has stopped).
   */
  step(where: PeerAddress, index: number, generation: number, step: number): Promise<number>;
}
