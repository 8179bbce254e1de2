/** The passing of time as unregistration sees it; a test's driver brings its own. Called on the device's thread. */
export interface Clock {
  /** Calls `callback` once, `milliseconds` from now. Returns how to call it off. */
  after(milliseconds: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};
