/**
 * What follows a program's write to a capability (spec/pci section 3.5), after its bits have reached the virtual copy `own`
 * or the registers. Called by `config-space.ts`; `start` is where the capability begins.
 */
import type { ConfigOwner } from './config-owner.js';
import { readNumber, writeNumber } from './little-endian.js';
import {
  AF_CAPABILITIES,
  AF_CONTROL,
  AF_FLR,
  AF_FLR_CAPABLE,
  AF_TRANSACTIONS_PENDING,
  EXPRESS_CAPABILITIES,
  EXPRESS_CONTROL,
  EXPRESS_FLR,
  EXPRESS_FLR_CAPABLE,
  EXPRESS_PAYLOAD,
  EXPRESS_READ_REQUEST,
  MSI_CONFIGURED,
  MSI_ENABLE,
  MSI_FLAGS,
  VPD_ADDRESS,
  VPD_DATA,
  VPD_FLAG,
} from './registers.js';

type MaybePromise = void | Promise<void>;

/** The enable bit of MSI is SET_IRQS's; the rest of its low byte is the device's. */
export function fixMsi(own: Uint8Array, start: number, { hardware, msiActive, msiMost }: ConfigOwner): void {
  const at = start + MSI_FLAGS;
  let flags = readNumber(own, at, 2);
  if (!msiActive) flags &= ~MSI_ENABLE;
  if ((flags & MSI_CONFIGURED) >>> 4 > msiMost) flags = (flags & ~MSI_CONFIGURED) | (msiMost << 4);
  const programs = MSI_ENABLE | MSI_CONFIGURED;
  flags = (hardware.read(at, 2) & ~programs) | (flags & programs);
  writeNumber(own, at, 2, flags);
  hardware.write(at, 2, flags);
}

/** Reads or writes four bytes of vital product data; the flag that turns says that it was done. */
export function moveVpd(own: Uint8Array, start: number, owner: ConfigOwner): void {
  const address = readNumber(own, start + VPD_ADDRESS, 2);
  const where = address & ~VPD_FLAG;
  if ((address & VPD_FLAG) !== 0) {
    if (!owner.writeVpd(where, readNumber(own, start + VPD_DATA, 4))) return;
  } else {
    const value = owner.readVpd(where);
    if (value === undefined) return;
    writeNumber(own, start + VPD_DATA, 4, value);
  }
  writeNumber(own, start + VPD_ADDRESS, 2, address ^ VPD_FLAG);
}

/** A read request size reaches the device, at least as large as its payload; the reset bit acts and reads 0. */
export function followExpress(own: Uint8Array, start: number, before: number, owner: ConfigOwner): MaybePromise {
  const { hardware } = owner;
  const at = start + EXPRESS_CONTROL;
  const control = readNumber(own, at, 2);
  const request = control & EXPRESS_READ_REQUEST;
  if (request !== (before & EXPRESS_READ_REQUEST)) {
    const payload = (hardware.read(at, 2) & EXPRESS_PAYLOAD) >>> 5;
    const largest = Math.max(request >>> 12, payload);
    hardware.write(at, 2, (hardware.read(at, 2) & ~EXPRESS_READ_REQUEST) | (largest << 12));
  }
  if ((control & EXPRESS_FLR) === 0) return undefined;
  writeNumber(own, at, 2, control & ~EXPRESS_FLR);
  const capable = (hardware.read(start + EXPRESS_CAPABILITIES, 4) & EXPRESS_FLR_CAPABLE) !== 0;
  return capable ? owner.resetByProgram() : undefined;
}

/** The reset bit acts, where the function can and knows of transactions under way, and reads 0. */
export function followAdvancedFeatures(own: Uint8Array, start: number, owner: ConfigOwner): MaybePromise {
  const at = start + AF_CONTROL;
  if ((own[at] & AF_FLR) === 0) return undefined;
  own[at] &= ~AF_FLR;
  const capable = AF_FLR_CAPABLE | AF_TRANSACTIONS_PENDING;
  return (owner.hardware.bytes[start + AF_CAPABILITIES] & capable) === capable ? owner.resetByProgram() : undefined;
}
