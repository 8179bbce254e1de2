/** The echo behind piscina: the task of its pool thread. */
export default function echo(value: number): number {
  return value;
}
