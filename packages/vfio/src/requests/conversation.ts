/**
 * Requests to a device as conversations: ioctls in bytes, and what their answers mean. The typed methods of device files
 * hold them in both ways, awaiting and blocking (`typed-device-file.ts`). Pure but for the file that is asked.
 */
import type { PassedFiles } from '../passed-file.js';

/** One ioctl. Its argument is changed in place by the answer. */
export interface Ioctl {
  readonly command: number;
  readonly argument: Uint8Array;
  readonly files?: PassedFiles;
}

/** Yields ioctls, is given their results (or their errors, thrown), and returns what it has found out. */
export type Conversation<T> = Generator<Ioctl, T, number>;

/** What is asked: any file of a device's. */
export interface Asked {
  ioctl(command: number, argument: Uint8Array, files?: PassedFiles): Promise<number>;
  ioctlSync(command: number, argument: Uint8Array, files?: PassedFiles): number;
}

/** Holds a conversation, awaiting each answer. */
export async function converse<T>(file: Asked, conversation: Conversation<T>): Promise<T> {
  let step = conversation.next();
  while (step.done !== true) {
    const { command, argument, files } = step.value;
    step = await file.ioctl(command, argument, files).then(
      (result) => conversation.next(result),
      (error: unknown) => conversation.throw(error),
    );
  }
  return step.value;
}

/** Holds a conversation, blocking. */
export function converseSync<T>(file: Asked, conversation: Conversation<T>): T {
  let step = conversation.next();
  while (step.done !== true) {
    const { command, argument, files } = step.value;
    let result: number;
    try {
      result = file.ioctlSync(command, argument, files);
    } catch (error) {
      step = conversation.throw(error);
      continue;
    }
    step = conversation.next(result);
  }
  return step.value;
}
