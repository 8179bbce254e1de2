/**
 * Mounts the tree of a runtime and takes it away again, whatever happens to the process. Belongs to the thread that started
 * the runtime.
 */
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rmdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Runtime } from '@mediated/core';
import { WAKE_NAME } from '../serve/session.js';
import type { PciFunctionDescription } from '../tree/pci-functions.js';
import { Cleaner } from './cleaner.js';
import { mountAt, removeAtExit, unmountAt, unmountAtExit } from './commands.js';
import { mountTable } from './mount-table.js';
import { makeUsable } from './place.js';
import { cannotMount, refusedBy, withoutDevice } from './refusals.js';
import { Server } from './server.js';

export interface MountOptions {
  /** An existing directory to mount at. Default: a new one below the system's directory for temporary files. */
  readonly at?: string;
  /** PCI functions that the tree shows. Parents whose path is that of a PCI function are shown in any case. */
  readonly pci?: readonly PciFunctionDescription[];
}

/** A mounted tree. */
export interface SysfsMount {
  /** Where it is: what `/sys` is on a real machine. */
  readonly path: string;
  /** Takes it away: requests under way fail, who is in it loses it. Idempotent. */
  unmount(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Mounts the tree of a runtime. Root may, and every user in a namespace of their own (`unshare -Urm`). The tree goes with this
 * process, also when that is killed. Never call `fs....Sync` on it from a thread that hosts a driver: the call waits for
 * that thread.
 * Errors: EBUSY (another runtime's tree is at that place), ENOENT and ENOTDIR (no directory there), and with one sentence
 * about what is missing ENOSYS, ENODEV, EACCES, EPERM, EINVAL.
 */
export async function mountSysfs(runtime: Runtime, { at, pci = [] }: MountOptions = {}): Promise<SysfsMount> {
  const descriptor = openDevice();
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  let path: string;
  try {
    path = at === undefined ? await mkdtemp(join(tmpdir(), 'mediated-sysfs-')) : resolve(at);
    if (at !== undefined) await makeUsable(path);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  const source = `mediated-${crypto.randomUUID().slice(0, 8)}`;
  let server: Server | undefined;
  try {
    // Takes the descriptor over.
    server = await Server.start(runtime, { descriptor, pci, owner });
    await callMount(path, descriptor, source, owner);
    server.serve(join(path, WAKE_NAME));
    const mount = new Mount(server, path, source, at === undefined);
    await stat(path);
    return mount;
  } catch (error) {
    await server?.end();
    if (at === undefined) await rmdir(path).catch(() => {});
    throw error;
  }
}

function openDevice(): number {
  try {
    return openSync('/dev/fuse', 'r+');
  } catch (error) {
    throw withoutDevice(error as NodeJS.ErrnoException);
  }
}

async function callMount(
  path: string,
  descriptor: number,
  source: string,
  owner: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const outcome = await mountAt(path, descriptor, source, owner).catch((error: unknown) => {
    throw cannotMount('ENODEV', 'there is no mount(8) (package util-linux or mount)', error);
  });
  if (outcome.status !== 0) throw refusedBy(outcome.words);
}

class Mount implements SysfsMount {
  readonly path: string;
  readonly #server: Server;
  readonly #cleaner: Cleaner;
  /** The directory was made for the mount. */
  readonly #temporary: boolean;
  /** What the mount table shows for this mount alone. */
  readonly #source: string;
  readonly #atExit = () => {
    this.#server.endAtExit();
    if (this.#isThere()) unmountAtExit(this.path);
    if (this.#temporary) removeAtExit(this.path);
  };
  #unmounting: Promise<void> | undefined;

  constructor(server: Server, path: string, source: string, temporary: boolean) {
    this.#server = server;
    this.path = path;
    this.#temporary = temporary;
    this.#source = source;
    this.#cleaner = new Cleaner(path, source, temporary);
    process.on('exit', this.#atExit);
    // Somebody else unmounted it.
    void server.ended.then(() => this.unmount());
  }

  unmount(): Promise<void> {
    this.#unmounting ??= this.#unmount();
    return this.#unmounting;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unmount();
  }

  /** Somebody else may have unmounted it, and mounted something else there. */
  #isThere(): boolean {
    return mountTable().some(({ source }) => source === this.#source);
  }

  async #unmount(): Promise<void> {
    // First, so that nobody waits for an answer while the mount goes.
    await this.#server.end();
    if (this.#isThere()) await unmountAt(this.path);
    process.off('exit', this.#atExit);
    this.#cleaner.dismiss();
    if (this.#temporary) await rmdir(this.path).catch(() => {});
  }
}
