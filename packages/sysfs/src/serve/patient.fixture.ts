/**
 * A driver for tests that takes its time until it is told: reading `patience/slow`, probing a device of type `slow`, removing
 * one whose `patience/label` is `sticky`. Writing to the parent's `patience/let-go` ends all of that; reading its
 * `patience/waiting` answers once as many wait as were written to it.
 */
import { defineMdevDriver, type MdevDevice, MediatedError } from '@mediated/core';

const labels = new WeakMap<MdevDevice, string>();
let waiting: (() => void)[] = [];
let wanted = 1;
const enough: (() => void)[] = [];

function wait(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length >= wanted) for (const tell of enough.splice(0)) tell();
  });
}

export default defineMdevDriver({
  name: 'patient',
  deviceApi: 'vfio-pci',
  maxInstances: 4096,
  types: [{ sysfsName: 'quick' }, { sysfsName: 'slow', prettyName: 'Takes its time' }],
  start: () => ({
    showDescription: (type) => `type number ${type.index}\n`,
    probe: (device) => (device.type.sysfsName === 'slow' ? wait() : undefined),
    remove: (device) => (labels.get(device) === 'sticky' ? wait() : undefined),
    attributes: [
      { path: 'patience/slow', show: () => wait().then(() => 'at last\n') },
      {
        path: 'patience/label',
        show: (device) => `${labels.get(device) ?? ''}\n`,
        store(device, text) {
          if (text.startsWith('bad')) throw new MediatedError('EOVERFLOW', 'no such label');
          labels.set(device, text.trimEnd());
        },
      },
    ],
    parentAttributes: [
      { path: 'patience/die', store: () => process.exit(3) },
      {
        path: 'patience/let-go',
        store() {
          for (const go of waiting) go();
          waiting = [];
        },
      },
      {
        path: 'patience/waiting',
        show() {
          if (waiting.length >= wanted) return `${waiting.length}\n`;
          return new Promise<string>((resolve) => enough.push(() => resolve(`${waiting.length}\n`)));
        },
        store(_parent, text) {
          wanted = Number(text);
        },
      },
    ],
  }),
});
