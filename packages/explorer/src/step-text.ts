/** One step in words: what was done to which word, and what came of it. For reports and messages. */
import type { Execution } from './execution.js';
import { nameOfKind } from './operations.js';

/** Who knows what the memory is called. */
interface Namer {
  bufferName(buffer: number): string;
}

/** The text of a step. */
export function describeStep(namer: Namer, execution: Execution, step: number): string {
  const kind = nameOfKind(execution.kind(step));
  if (execution.buffer(step) < 0) return kind;
  const length = execution.byteLength(step);
  const place = `${namer.bufferName(execution.buffer(step))}[${execution.offset(step) / length}]`;
  const given = execution.given(step);
  const operand = execution.operand(step);
  switch (kind) {
    case 'load':
      return `load ${place}: ${given}`;
    case 'store':
      return `store ${place} = ${operand}`;
    case 'wait':
    case 'waitAsync':
      return `${kind} ${place} while ${operand}${given === operand ? '' : `: it is ${given}`}`;
    case 'notify':
      return `notify ${place}: ${given === 0 ? 'nobody' : given}`;
    case 'time passes':
    case 'dies':
      return kind;
    default:
      return `${kind} ${place}, ${operand}: was ${given}`;
  }
}
