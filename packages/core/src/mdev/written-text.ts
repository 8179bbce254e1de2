/**
 * How sysfs files read what is written to them. Text ends at the first NUL, and files that take a name or a number
 * allow one newline after it. Bytes are Latin-1, so that nothing is lost or merged before it is looked at.
 */

/** The text up to the first NUL. */
export function writtenText(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  const nul = text.indexOf('\0');
  return nul === -1 ? text : text.slice(0, nul);
}

/** The text up to the first NUL without one trailing newline. */
export function writtenName(bytes: Buffer): string {
  const text = writtenText(bytes);
  return text.endsWith('\n') ? text.slice(0, -1) : text;
}
