/** A machine whose files are those of its mounted tree: opened, read and written by another process through system calls. */
import type { Access, AttributeDirectory, AttributeFile, Mdev } from '@mediated/core';
import { mountSysfs, type SysfsMount } from '@mediated/sysfs';
import { Machine } from '../machine.js';
import { SystemCalls } from './system-calls.js';
import { TreeDirectory, TreeFile } from './tree-files.js';

/** Calls that a write under way may take to get there. */
const TRIPS = 1000;

export class TreeMachine extends Machine {
  readonly calls = new SystemCalls();
  #mount: SysfsMount | undefined;

  /** Mounts the tree. Rejects as `mountSysfs`. */
  static async start(): Promise<TreeMachine> {
    const machine = new TreeMachine();
    try {
      machine.#mount = await mountSysfs(machine.runtime);
    } catch (error) {
      await machine.close();
      throw error;
    }
    return machine;
  }

  /** Where a path of a real machine is. */
  at(path: string): string {
    return path.replace(/^\/sys/, this.#mount?.path ?? '');
  }

  override open(path: string, access: Access): Promise<AttributeFile> {
    return TreeFile.open(this.calls, this.at(path), access);
  }

  override directory(path: string): AttributeDirectory | undefined {
    const inner = super.directory(path);
    const absolute = path.startsWith('/sys') ? path : `/sys${path}`;
    return inner === undefined ? undefined : new TreeDirectory(this.calls, this.at(absolute), inner);
  }

  override async available(): Promise<Record<string, number>> {
    const available: Record<string, number> = {};
    for (const { name, types } of this.bus.parents()) {
      for (const { id } of types) {
        const file = await this.open(
          `/sys/class/mdev_bus/${name}/mdev_supported_types/${id}/available_instances`,
          'read',
        );
        available[id] = Number(await file.read());
      }
    }
    return available;
  }

  /** The write is under way in another process: it has come as far as the device when that is not as it was. */
  override async reached(mdev: Mdev, done: Promise<unknown>): Promise<void> {
    const before = JSON.stringify(mdev.presence);
    let isDone = false;
    void done.then(() => {
      isDone = true;
    });
    for (let trip = 0; trip < TRIPS && !isDone && JSON.stringify(mdev.presence) === before; trip++) {
      await this.calls.call('lstat', this.at('/sys/nothing')).catch(() => {});
    }
  }

  override async close(): Promise<void> {
    this.calls.close();
    await this.#mount?.unmount();
    await super.close();
  }
}
