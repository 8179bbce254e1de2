/** Numbers as sysfs files take them: spec/mdev-core section 8.1. */
import { expect, test } from 'vitest';
import { parseUnsigned } from '#dist/mdev/unsigned.js';

test.each<[string, bigint | undefined]>([
  ['0', 0n],
  ['1', 1n],
  ['1\n', 1n],
  ['+1', 1n],
  ['+0x10\n', 16n],
  ['0X1f', 31n],
  ['010', 8n],
  ['00', 0n],
  ['0x0', 0n],
  ['18446744073709551615', 2n ** 64n - 1n],
  ['0xffffffffffffffff', 2n ** 64n - 1n],
  ['1\0garbage', 1n],
  ['1\n\0garbage', 1n],
  ['18446744073709551616', undefined],
  ['0x10000000000000000', undefined],
  ['08', undefined],
  ['0x', undefined],
  ['0xg', undefined],
  ['', undefined],
  ['\n', undefined],
  ['+', undefined],
  ['++1', undefined],
  ['-1', undefined],
  [' 1', undefined],
  ['1 ', undefined],
  ['1\n\n', undefined],
  ['1\r\n', undefined],
  ['1_0', undefined],
  ['abc', undefined],
  ['1e3', undefined],
  ['\0', undefined],
])('mdev-core 14: %j is %s', (text, value) => {
  expect(parseUnsigned(text)).toBe(value);
});
