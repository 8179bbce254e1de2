/** How a step of a storm ended, as clients report it. */
import { isMediatedError } from '@mediated/core';
import type { OperationName } from './operations.js';

/** Something that no refusal explains, with its text. */
export interface Surprise {
  readonly operation: OperationName;
  readonly code: string;
  readonly message: string;
}

/** The errno name of what was thrown; `OTHER` for what is no error of ours. */
export function codeOf(error: unknown): string {
  return isMediatedError(error) ? error.code : 'OTHER';
}

/** The text of what was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
