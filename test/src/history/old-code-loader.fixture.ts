/** The loader hook where hooks run on a thread of their own (Node 20): `with-old-code.fixture.ts` registers it. */
import { type Edit, edited } from './old-code.fixture.js';

interface Loaded {
  readonly format: string;
  readonly source?: unknown;
}

let edits: readonly Edit[] = [];

export function initialize(data: readonly Edit[]): void {
  edits = data;
}

export async function load(
  url: string,
  context: unknown,
  next: (url: string, context: unknown) => Promise<Loaded>,
): Promise<Loaded> {
  const loaded = await next(url, context);
  if (loaded.format !== 'module') return loaded;
  return { ...loaded, source: edited(url, String(loaded.source), edits) };
}
