/**
 * Unsigned numbers as sysfs files take them: automatic base, one optional leading `+`, one optional trailing newline,
 * bytes after a NUL ignored. Spec: mdev-core section 8.1.
 */

const LIMIT = 2n ** 64n;
const DIGITS = { 8: /^[0-7]+$/, 10: /^[0-9]+$/, 16: /^[0-9a-f]+$/i } as const;

/** Parses a 64-bit number; undefined when the text is none. */
export function parseUnsigned(text: string): bigint | undefined {
  const nul = text.indexOf('\0');
  let digits = nul === -1 ? text : text.slice(0, nul);
  if (digits.endsWith('\n')) digits = digits.slice(0, -1);
  if (digits.startsWith('+')) digits = digits.slice(1);
  let base: keyof typeof DIGITS = 10;
  if (/^0x/i.test(digits)) {
    base = 16;
    digits = digits.slice(2);
  } else if (digits.length > 1 && digits.startsWith('0')) {
    base = 8;
    digits = digits.slice(1);
  }
  if (!DIGITS[base].test(digits)) return undefined;
  const value = BigInt(`${base === 16 ? '0x' : base === 8 ? '0o' : ''}${digits}`);
  return value < LIMIT ? value : undefined;
}
