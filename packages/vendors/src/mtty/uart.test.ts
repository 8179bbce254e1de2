import { Uart } from '#dist/mtty/uart.js';
import { describe, expect, test } from 'vitest';

function port(): { uart: Uart; interrupts: () => number } {
  let count = 0;
  let told = 0;
  const uart = new Uart(() => {
    count++;
  });
  /** Interrupts since the last call. */
  const interrupts = () => {
    const since = count - told;
    told = count;
    return since;
  };
  return { uart, interrupts };
}

function send(uart: Uart, bytes: Iterable<number>): void {
  for (const byte of bytes) uart.write(0, byte);
}

const bytes = (count: number) => Array.from({ length: count }, (_, number) => number + 0x40);

describe('uart', () => {
  test('mtty 8: sixteen bytes fill the FIFO, which then looks empty and stays stuck until it is cleared', () => {
    const { uart } = port();
    send(uart, bytes(16));
    expect(uart.read(5)).toBe(0x60);
    expect(uart.read(0)).toBe(0);
    send(uart, [1]);
    expect(uart.read(5)).toBe(0x62);
    uart.write(2, 0x07);
    expect(uart.read(5)).toBe(0x62);
    send(uart, [1]);
    expect(uart.read(5)).toBe(0x01);
  });

  test('mtty 9: fifteen bytes come back in order, and data ready drops after the last', () => {
    const { uart } = port();
    send(uart, bytes(15));
    const received = bytes(15).map(() => {
      expect(uart.read(5)).toBe(0x01);
      return uart.read(0);
    });
    expect(received).toEqual(bytes(15));
    expect(uart.read(5)).toBe(0x60);
  });

  test('mtty 10: the trigger level is 1 whatever is asked: the first byte interrupts, the second does not', () => {
    const { uart, interrupts } = port();
    uart.write(2, 0xc1);
    uart.write(1, 0x01);
    send(uart, [1]);
    expect(interrupts()).toBe(1);
    send(uart, [2]);
    expect(interrupts()).toBe(0);
  });

  test('with the level of creation, 0, received data is identified at once and never interrupts', () => {
    const { uart, interrupts } = port();
    uart.write(1, 0x01);
    expect(uart.read(2)).toBe(0xc4);
    send(uart, bytes(17));
    expect(interrupts()).toBe(0);
  });

  test('mtty 11: one write of the modem control register can interrupt twice', () => {
    const { uart, interrupts } = port();
    uart.write(1, 0x08);
    for (const [byte, count] of [
      [0x0b, 2],
      [0x08, 1],
      [0x01, 1],
      [0x02, 1],
      [0x14, 0],
    ] as const) {
      uart.write(4, byte);
      expect(interrupts()).toBe(count);
      expect(uart.read(4)).toBe(byte);
    }
  });

  test('mtty 12: the identity is 0xc1 with all sources off, and never below 0xc0', () => {
    const { uart } = port();
    expect(uart.read(2)).toBe(0xc1);
    for (let enabled = 0; enabled < 256; enabled++) {
      uart.write(1, enabled);
      expect(uart.read(2)).toBeGreaterThanOrEqual(0xc0);
    }
  });

  test('sources are or-ed, and modem status alone cannot be seen', () => {
    const { uart } = port();
    uart.write(1, 0x03);
    expect(uart.read(2)).toBe(0xc6);
    uart.write(1, 0x08);
    uart.write(4, 0x03);
    expect(uart.read(2)).toBe(0xc1);
  });

  test('transmitter empty interrupts when enabled and after each read that leaves nothing', () => {
    const { uart, interrupts } = port();
    uart.write(1, 0x02);
    expect(interrupts()).toBe(1);
    uart.read(0);
    expect(interrupts()).toBe(1);
    send(uart, [1, 2]);
    uart.read(0);
    expect(interrupts()).toBe(0);
    uart.read(0);
    expect(interrupts()).toBe(1);
  });

  test('overrun drops the byte, interrupts when enabled, and is cleared by the next byte accepted only', () => {
    const { uart, interrupts } = port();
    uart.write(2, 0x00);
    uart.write(1, 0x04);
    send(uart, [1, 2]);
    expect(interrupts()).toBe(1);
    expect([uart.read(5), uart.read(5), uart.read(2)]).toEqual([0x03, 0x03, 0xc6]);
    expect(uart.read(0)).toBe(1);
    expect(uart.read(5)).toBe(0x62);
    send(uart, [3]);
    expect(uart.read(5)).toBe(0x01);
  });

  test('divisor bytes accumulate until line control opens the latch again', () => {
    const { uart } = port();
    uart.write(3, 0x83);
    uart.write(0, 0x01);
    uart.write(0, 0x02);
    uart.write(1, 0x80);
    expect([uart.read(0), uart.read(1)]).toEqual([0x03, 0x80]);
    uart.write(3, 0x80);
    expect([uart.read(0), uart.read(1), uart.read(5)]).toEqual([0, 0, 0x60]);
  });

  test('interrupt enable keeps all bits and shows four', () => {
    const { uart } = port();
    uart.write(1, 0xf5);
    expect(uart.read(1)).toBe(0x05);
    expect(uart.registers[1]).toBe(0xf5);
  });

  test('flow control holds clear-to-send back while the FIFO is full', () => {
    const { uart } = port();
    uart.write(2, 0x00);
    send(uart, [1]);
    expect(uart.read(6)).toBe(0xb3);
    uart.write(4, 0x20);
    expect(uart.read(6)).toBe(0xa2);
    uart.read(0);
    expect(uart.read(6)).toBe(0xb3);
  });

  test('status registers and what is no register ignore writes', () => {
    const { uart } = port();
    for (const register of [5, 6, 8, 0xffff]) uart.write(register, 0xff);
    expect([5, 6, 8, 0xffff].map((register) => uart.read(register))).toEqual([0x60, 0xb3, 0, 0]);
    uart.write(7, 0x5a);
    expect(uart.read(7)).toBe(0x5a);
  });
});
