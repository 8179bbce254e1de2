/**
 * Opening, closing and resetting a device, and taking guest memory away from it (ccw sections 2 and 3). Called by the
 * driver's callbacks. Resets of one device follow each other: its `reset` mutex is taken first, never under the io mutex.
 */
import { MediatedError } from '@mediated/core';
import type { CcwPrivate } from './private.js';
import { REGIONS } from './regions.js';
import { raise } from './state-machine.js';

/** First open. EINVAL: the subchannel is not operational, or was not to be enabled. */
export function openDevice(device: CcwPrivate): Promise<void> {
  return device.reset.runExclusive(async () => {
    if (device.state === 'NOT_OPER') throw notOperational('open');
    device.regionCount = REGIONS.length;
    await raise(device, 'OPEN');
    if ((device.state as string) !== 'NOT_OPER') return;
    device.regionCount = 1;
    throw notOperational('open');
  });
}

/** Last close. */
export function closeDevice(device: CcwPrivate): Promise<void> {
  return device.reset.runExclusive(async () => {
    await raise(device, 'CLOSE');
    await device.cancelWorks();
    device.regionCount = 1;
  });
}

/** DEVICE_RESET. EINVAL: the subchannel is not operational afterwards. */
export async function resetDevice(device: CcwPrivate): Promise<void> {
  await device.reset.runExclusive(() => reset(device));
  if (device.state === 'NOT_OPER') throw notOperational('ioctl');
}

/** A range of guest memory is being unmapped: a program that uses a page of it is ended. */
export function dmaUnmap(device: CcwPrivate, iova: bigint, size: bigint): Promise<void> {
  return device.reset.runExclusive(async () => {
    if (device.program.pinned(iova, size)) await reset(device);
  });
}

/** The machine goes down. */
export function shutDown(device: CcwPrivate): Promise<void> {
  return device.reset.runExclusive(async () => {
    await raise(device, 'CLOSE');
    await raise(device, 'NOT_OPER');
  });
}

async function reset(device: CcwPrivate): Promise<void> {
  await raise(device, 'CLOSE');
  await raise(device, 'OPEN');
}

function notOperational(syscall: string): MediatedError {
  return new MediatedError('EINVAL', 'the subchannel is not operational', { syscall });
}
