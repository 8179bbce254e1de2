/** Passes time without giving the core away: for moments that no timer hits. Any thread. */
export function spin(micros: number): void {
  const until = performance.now() + micros / 1000;
  while (performance.now() < until);
}
