/** The `power` directory that every device has. No power is managed here: it says so as the kernel does. */
import { MediatedError } from '@mediated/core';
import { constant, type Directory, directory, file } from './entry.js';

const READABLE: readonly (readonly [string, string])[] = [
  ['runtime_active_kids', '0\n'],
  ['runtime_active_time', '0\n'],
  ['runtime_enabled', 'disabled\n'],
  ['runtime_status', 'unsupported\n'],
  ['runtime_suspended_time', '0\n'],
  ['runtime_usage', '0\n'],
];

/** `alive`: whether the device is there. */
export function powerDirectory(alive: () => boolean): Directory {
  const entries = [
    setting('async', alive, ['enabled', 'disabled'], () => 'disabled\n'),
    setting('autosuspend_delay_ms', alive, [], noAutosuspend),
    setting('control', alive, ['auto', 'on'], () => 'auto\n'),
    ...READABLE.map(([path, text]) => [path, constant(path, text, alive)] as const),
  ];
  return directory(() => entries, { exists: alive });
}

/** A file that takes the words it knows and stays as it is. */
function setting(path: string, alive: () => boolean, words: readonly string[], show: () => string) {
  const store = (bytes: Buffer) => {
    const word = bytes.toString('latin1').replace(/\n$/, '');
    if (words.length === 0) noAutosuspend();
    if (!words.includes(word))
      throw new MediatedError('EINVAL', `${path} is ${words.join(' or ')}`, { syscall: 'write' });
  };
  return [path, file({ path, mode: 0o644, alive, show, store })] as const;
}

function noAutosuspend(): never {
  throw new MediatedError('EIO', 'the device does not use autosuspend', { syscall: 'read' });
}
