/** What is mounted where, as the kernel tells this process. */
import { readFileSync } from 'node:fs';

export interface MountedPlace {
  readonly path: string;
  readonly kind: string;
  /** What was mounted, as the mount call named it. */
  readonly source: string;
}

/** All mounts of this process's namespace, in the order in which they were made. */
export function mountTable(): MountedPlace[] {
  return parseMountTable(readFileSync('/proc/self/mountinfo', 'utf8'));
}

export function parseMountTable(text: string): MountedPlace[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [before, after = ''] = line.split(' - ', 2);
      const [kind = '', source = ''] = after.split(' ');
      return { path: unescaped(before.split(' ')[4] ?? ''), kind, source: unescaped(source) };
    });
}

/** Blanks and the like are written as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
