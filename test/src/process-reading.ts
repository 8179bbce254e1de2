/** What the operating system and V8 say of this process. Linux. Any thread. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Threads of the process, V8's and libuv's own included. */
export function threadCount(): number {
  return statusOf('Threads');
}

/** What the open descriptors lead to: those of modules that are being loaded, and the others. */
export function readDescriptors(): { readonly modules: readonly string[]; readonly others: readonly string[] } {
  const modules: string[] = [];
  const others: string[] = [];
  for (const descriptor of readdirSync('/proc/self/fd')) {
    try {
      const path = readlinkSync(`/proc/self/fd/${descriptor}`);
      (/\.(js|mjs|cjs|json)$/.test(path) ? modules : others).push(path);
    } catch {
      // That of the reading, which is closed by now.
    }
  }
  return { modules, others };
}

/** Bytes of main memory that the process has, shared memory included. */
export function residentBytes(): number {
  return statusOf('VmRSS') * 1024;
}

/** Has V8 collect garbage, all of it, now. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
}

function statusOf(field: string): number {
  const line = readFileSync('/proc/self/status', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${field}:`));
  return Number.parseInt(line?.slice(field.length + 1) ?? '', 10);
}
