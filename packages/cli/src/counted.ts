/** Numbers in sentences that users read. Pure. */

/** 1234567 as `1,234,567`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A number with what it counts: `1 client`, `2 clients`; `many` for words that take no s. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${whole(count)} ${count === 1 ? one : many}`;
}
