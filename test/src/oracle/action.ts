/**
 * What a recorded step did, from its operation, path, data and words; never from its result. The recordings name in
 * words what a test program held open or did before (`fd opened before`, `with the device fd open`).
 */
import type { Access } from '@mediated/core';
import { type Fields, text } from './recording.js';

/** Which open file or path a step used. */
export type FileRef =
  | { readonly by: 'path'; readonly path: string }
  /** A file opened by this path and kept: newly, the one that an earlier step kept, or another that was opened with it. */
  | { readonly by: 'kept'; readonly path: string; readonly which: 'new' | 'same' | 'another' }
  /** A file of this name that was open before what it belongs to went. */
  | { readonly by: 'old'; readonly name: string }
  /** A file of this name of the device at hand. */
  | { readonly by: 'device'; readonly name: string }
  /** The path that a file of this name had when its module was there. */
  | { readonly by: 'lost'; readonly name: string };

export type WriterKind = 'remove' | 'unbind';

/** Commands on a group (the first four) or a container. */
export type FileCommand = 'status' | 'device' | 'unset' | 'set' | 'iommu' | 'info';

export type Action =
  | { readonly kind: 'none' }
  | { readonly kind: 'skip'; readonly reason: string }
  | { readonly kind: 'write'; readonly file: FileRef; readonly bytes: Buffer }
  | { readonly kind: 'read'; readonly file: FileRef }
  | { readonly kind: 'open'; readonly path: string; readonly access: Access }
  | { readonly kind: 'openInDead'; readonly name: string }
  | { readonly kind: 'readLink'; readonly name: string }
  | { readonly kind: 'insmod'; readonly module: string }
  | {
      readonly kind: 'rmmod';
      readonly module: string;
      readonly files: 'open' | 'closed' | 'any';
      readonly unbound: boolean;
    }
  /** A write in the background, to a device that may be open. */
  | {
      readonly kind: 'writer';
      readonly writer: WriterKind;
      readonly bytes: Buffer;
      readonly opened: boolean;
      /** Its group is open. */
      readonly held: boolean;
    }
  | { readonly kind: 'writerResult'; readonly writer: WriterKind }
  | { readonly kind: 'closeDevice' }
  | { readonly kind: 'closeOther'; readonly which: 'group' | 'container' }
  | { readonly kind: 'command'; readonly command: FileCommand }
  | { readonly kind: 'openNode' }
  | { readonly kind: 'groupNumbers' }
  | { readonly kind: 'signal' }
  | { readonly kind: 'readDevice' }
  | { readonly kind: 'deviceInfo' };

export const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i;
/** Stands for a UUID that the words do not tell. */
export const SOME_UUID = '83b8f4f2-509f-382f-3c1e-e6bfe0fac0de';

const ATTRIBUTES = [
  'create',
  'remove',
  'uevent',
  'available_instances',
  'drivers_autoprobe',
  'name',
  'device_api',
  'description',
];
const OTHER_MODULES = ['vfio_iommu_type1', 'mdev', 'vfio'];

const OTHER_USERS = 'other users: this library has none';
const POINTERS = 'pointers of system calls';
const FILE_LAYER = 'calls of the file layer (positions, lseek, ioctl, poll, O_CREAT, mkdir, unlink)';
const IOMMU_GROUPS = 'directories below /sys/kernel/iommu_groups: programs here ask groups by number';
const PROCESSES = 'a process that blocks itself for ever: here the thread that removes does not block';
const MAPPINGS = 'mappings: nothing tells here when one is given up';
const MODULES_BELOW = 'modules below the vendor drivers (mdev, vfio, vfio_iommu_type1)';

function skip(reason: string): Action {
  return { kind: 'skip', reason };
}

function unclear(words: string): Action {
  return skip(`words not understood: ${words}`);
}

/** The words of a step: what follows its topic. */
export function wordsOf(fields: Fields): string {
  const whole = text(fields, 'case') ?? '';
  return whole.slice(whole.indexOf('/') + 1);
}

export function topicOf(fields: Fields): string {
  return (text(fields, 'case') ?? '').split('/')[0];
}

export function actionOf(fields: Fields): Action {
  const words = wordsOf(fields);
  const path = text(fields, 'path');
  if (/as uid \d+/.test(words) && !/through an fd opened by root/.test(words)) return skip(OTHER_USERS);
  if (/mmap/.test(topicOf(fields))) return skip(MAPPINGS);
  switch (fields.op) {
    case 'none':
      return /\bgroup numbers\b/.test(words) ? { kind: 'groupNumbers' } : { kind: 'none' };
    case 'write':
    case 'pwrite':
    case 'writev':
      return fields.ret === 'n/a' ? skip(PROCESSES) : writeAction(fields, words, path);
    case 'write(background)':
      return backgroundAction(fields, words);
    case 'read':
      return readAction(words, path);
    case 'open':
      return openAction(words, path);
    case 'openat': {
      const name = /openat\((\w+)\) in the dead/.exec(words)?.[1];
      return name === undefined ? unclear(words) : { kind: 'openInDead', name };
    }
    case 'readlink': {
      const name = /readlink (\w+)|(\w+) link/.exec(words);
      return name === null ? unclear(words) : { kind: 'readLink', name: name[1] ?? name[2] };
    }
    case 'delete_module':
    case 'finit_module':
      return moduleAction(fields.op === 'finit_module', words);
    case 'close':
      if (/device fd|dup closed/.test(words)) return { kind: 'closeDevice' };
      return { kind: 'closeOther', which: /container fd/.test(words) ? 'container' : 'group' };
    case 'pread':
      return { kind: 'readDevice' };
    case 'ioctl':
      if (path !== undefined) return skip(FILE_LAYER);
      if (/\bGET_INFO\b/.test(words)) return { kind: 'deviceInfo' };
      return commandAction(words);
    case 'lseek':
    case 'poll':
    case 'mkdir':
    case 'rmdir':
    case 'unlink':
      return skip(FILE_LAYER);
    case 'munmap':
      return skip(MAPPINGS);
    case 'kill':
      return { kind: 'signal' };
    case 'stat':
      return /\/dev\/vfio\//.test(words) ? { kind: 'openNode' } : skip(IOMMU_GROUPS);
    default:
      return skip(`operation not understood: ${String(fields.op)}`);
  }
}

function writeAction(fields: Fields, words: string, path: string | undefined): Action {
  if (/NULL (buffer|pointer)/.test(words)) return skip(POINTERS);
  if (fields.op === 'pwrite' && Number(/offset (-?\d+)/.exec(words)?.[1] ?? 0) < 0) return skip(FILE_LAYER);
  const bytes = bytesOf(fields, words);
  if (path === undefined) {
    const name = attributeIn(words) ?? attributeIn(topicOf(fields));
    if (name === undefined) return unclear(words);
    return {
      kind: 'write',
      file: { by: /by path/.test(words) ? 'lost' : 'old', name },
      bytes: bytes ?? Buffer.from(SOME_UUID),
    };
  }
  if (bytes === undefined) return unclear(words);
  if (!path.startsWith('/')) return { kind: 'write', file: { by: 'device', name: path }, bytes };
  if (fields.stage !== undefined) return { kind: 'write', file: { by: 'path', path }, bytes };
  return { kind: 'write', file: { by: 'kept', path, which: whichKept(words) }, bytes };
}

function whichKept(words: string): 'new' | 'same' | 'another' {
  if (/another fd/.test(words)) return 'another';
  return /same fd|old fd|fd opened before/.test(words) ? 'same' : 'new';
}

/** What was written. Long texts are described in words only. */
function bytesOf(fields: Fields, words: string): Buffer | undefined {
  const data = text(fields, 'data');
  if (data !== undefined) return Buffer.from(data, 'latin1');
  const filled = /uuid followed by (0|NUL|newline|space|x)s?, (\d+) bytes/.exec(words);
  if (filled !== null) {
    const fill = { 0: '0', NUL: '\0', newline: '\n', space: ' ', x: 'x' }[filled[1]] as string;
    return Buffer.from(SOME_UUID.padEnd(Number(filled[2]), fill), 'latin1');
  }
  const padded = /'(.*)' \+ (\d+) (NUL|0|newline|space|blank)s?/.exec(words);
  if (padded === null) return undefined;
  const fill = { NUL: '\0', 0: '0', newline: '\n', space: ' ', blank: ' ' }[padded[3]] as string;
  return Buffer.from(padded[1] + fill.repeat(Number(padded[2])), 'latin1');
}

function backgroundAction(fields: Fields, words: string): Action {
  const data = text(fields, 'data');
  const writer = (/\b(remove|unbind)\b/.exec(words)?.[1] ?? 'remove') as WriterKind;
  if (/result$/.test(words)) return { kind: 'writerResult', writer };
  const opened =
    !/no device fd/.test(words) && (/device fd open|dup still open/.test(words) || fields.ret === 'blocked');
  const held = /with group\b.* open/.test(words);
  return {
    kind: 'writer',
    writer,
    bytes: Buffer.from(data ?? (writer === 'remove' ? '1' : ''), 'latin1'),
    opened,
    held,
  };
}

function readAction(words: string, path: string | undefined): Action {
  if (path !== undefined) return { kind: 'read', file: { by: 'kept', path, which: whichKept(words) } };
  const name = attributeIn(words);
  if (name === undefined) return unclear(words);
  if (name === 'drivers_autoprobe')
    return { kind: 'read', file: { by: 'path', path: '/sys/bus/mdev/drivers_autoprobe' } };
  return { kind: 'read', file: { by: /opened before|old fd/.test(words) ? 'old' : 'device', name } };
}

function openAction(words: string, path: string | undefined): Action {
  if (path === undefined) return /\/dev\/vfio\//.test(words) ? { kind: 'openNode' } : unclear(words);
  if (/O_CREAT/.test(words)) return skip(FILE_LAYER);
  const access = /O_RDWR/.test(words) ? 'read-write' : /O_WRONLY/.test(words) ? 'write' : 'read';
  return { kind: 'open', path, access };
}

function commandAction(words: string): Action {
  const commands: readonly (readonly [pattern: RegExp, command: FileCommand])[] = [
    [/GET_STATUS/, 'status'],
    [/GET_DEVICE_FD/, 'device'],
    [/UNSET_CONTAINER/, 'unset'],
    [/SET_CONTAINER/, 'set'],
    [/SET_IOMMU/, 'iommu'],
    [/IOMMU_GET_INFO/, 'info'],
  ];
  const known = commands.find(([pattern]) => pattern.test(words));
  return known === undefined ? unclear(words) : { kind: 'command', command: known[1] };
}

function moduleAction(insert: boolean, words: string): Action {
  const module = /\b(mtty|mdpy|mbochs|vfio_iommu_type1|vfio|mdev)\b/.exec(words)?.[1];
  if (module === undefined) return unclear(words);
  if (OTHER_MODULES.includes(module)) return skip(MODULES_BELOW);
  if (insert) return { kind: 'insmod', module };
  const files = /device fd is closed/.test(words) ? 'closed' : /device fd open/.test(words) ? 'open' : 'any';
  return { kind: 'rmmod', module, files, unbound: /unbound device/.test(words) };
}

/** The attribute that words name; `vendor` for a vendor's. */
function attributeIn(words: string): string | undefined {
  if (/vendor attribute/.test(words)) return 'vendor';
  return ATTRIBUTES.find((name) => new RegExp(`(^|[^\\w])${name}([^\\w]|$)`).test(words));
}
