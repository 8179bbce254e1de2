/** A device at the end of an emulated channel, as the channel sees it. */

/** What a command moves: the data area that its CCW (or CCWs, with data chaining) describe. */
export interface CommandData {
  /** Bytes of the area. */
  readonly capacity: number;
  /** Takes up to `bytes` bytes out of the guest's area, from where the last call ended. */
  take(bytes: number): Uint8Array;
  /** Puts bytes into the guest's area, from where the last call ended; what does not fit is dropped. */
  give(bytes: Uint8Array): void;
}

export interface IoDevice {
  /** Carries out a command; returns its ending status (`DEVICE_STATUS`). */
  execute(command: number, data: CommandData): number;
  /** A new channel program begins, or the last one was broken off: positions are forgotten. */
  restart(): void;
}
