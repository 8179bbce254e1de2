/**
 * The devices of a group of physical devices, newest first, by a look at all device slots: such groups are opened
 * seldom. Called on the control thread.
 */
import { type Bus, DEVICE_FRAMEWORK, DEVICE_IDS } from '@mediated/core';
import { LISTED } from '../device-words.js';
import { type DeviceLink, linkTo } from './device-link.js';

export function membersOf(bus: Bus, group: number): DeviceLink[] {
  const { devices } = bus.memory;
  const { words } = devices;
  const found: { link: DeviceLink; place: number }[] = [];
  for (let index = 0; index < devices.top; index++) {
    const base = devices.base(index);
    if (Atomics.load(words, base + DEVICE_IDS) !== group + 1) continue;
    const link = linkTo(bus, index);
    if (link !== undefined) found.push({ link, place: words[base + DEVICE_FRAMEWORK + LISTED] });
  }
  return found.sort((a, b) => b.place - a.place).map(({ link }) => link);
}
