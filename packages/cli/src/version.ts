/** Which version of the program this is: called by `main.ts`. Reads the manifest that lies beside the build. */
import { readFileSync } from 'node:fs';

/** What `mediated --version` prints: the name of the program and its version. */
export function programVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return `mediated ${manifest.version}`;
}
