/**
 * Reads and writes of a device's file (ccw section 4): which region they mean and what they set off. Called by the
 * driver's `read` and `write`, any number at once; the io mutex decides.
 */
import { errnoName, MediatedError } from '@mediated/core';
import { readWord, writeWord } from './bits.js';
import { IRQ_REPORT } from './interrupts.js';
import type { CcwPrivate } from './private.js';
import {
  COMMAND_REGION,
  IO_REGION,
  REGION_COMMAND,
  REGION_IO,
  REGION_REPORT,
  REGION_SCHIB,
  REGION_SHIFT,
  REGIONS,
} from './regions.js';
import { raise } from './state-machine.js';

/**
 * Writes to the I/O region start a request and those to the command region a command, whatever bytes they change.
 * Returns how many bytes, or what the region then has as its result. Errors: EINVAL (no region there, too long, a region
 * that is only read), EAGAIN (another access to the regions is under way), the request's or command's own.
 */
export async function writeRegion(device: CcwPrivate, position: number, bytes: Uint8Array): Promise<number> {
  const { index, offset } = locate(device, position, bytes.length, 'write');
  if (!REGIONS[index].writable) throw invalid(`region ${index} is only read`, 'write');
  if (device.ioMutex.isLocked()) throw new MediatedError('EAGAIN', 'the regions are in use', { syscall: 'write' });
  const io = index === REGION_IO;
  const result = await device.ioMutex.runExclusive(async () => {
    device.regions[index].set(bytes, offset);
    await raise(device, io ? 'IO_REQ' : 'ASYNC_REQ');
    return readWord(device.regions[index], io ? IO_REGION.result.at : COMMAND_REGION.result.at) | 0;
  });
  // The result may be what the guest has written there itself: then it may be any number.
  if (result < 0) throw new MediatedError(errnoName(-result), `the result is ${result}`, { syscall: 'write' });
  return result === 0 ? bytes.length : Math.min(result, bytes.length);
}

/** Errors: EINVAL (no region there, too long), ENODEV (the SCHIB cannot be had). */
export async function readRegion(device: CcwPrivate, position: number, into: Uint8Array): Promise<number> {
  const { index, offset } = locate(device, position, into.length, 'read');
  const region = device.regions[index];
  const copy = () => into.set(region.subarray(offset, offset + into.length));
  switch (index) {
    case REGION_IO:
    case REGION_COMMAND:
      await device.ioMutex.runExclusive(copy);
      break;
    case REGION_SCHIB:
      if (!device.subchannel.refresh()) {
        throw new MediatedError('ENODEV', 'the subchannel does not answer', { syscall: 'read' });
      }
      region.set(device.subchannel.schib);
      copy();
      break;
    case REGION_REPORT:
      // Taken even by a read of a part of it.
      writeWord(region, 0, device.reports.shift() ?? 0);
      copy();
      writeWord(region, 0, 0);
      if (device.reports.length > 0) device.interrupts.signal(IRQ_REPORT);
      break;
  }
  return into.length;
}

function locate(device: CcwPrivate, position: number, length: number, syscall: string) {
  const index = Math.floor(position / 2 ** REGION_SHIFT);
  const offset = position % 2 ** REGION_SHIFT;
  if (index >= device.regionCount) throw invalid(`there is no region at ${position}`, syscall);
  const { bytes } = REGIONS[index];
  if (offset + length > bytes) throw invalid(`region ${index} has ${bytes} bytes`, syscall);
  return { index, offset };
}

function invalid(message: string, syscall: string): MediatedError {
  return new MediatedError('EINVAL', message, { syscall });
}
