/** Where the definitions lie that come with the program, in its package: what `mediated demo` reads unless told else. */
import { fileURLToPath } from 'node:url';

/** The folder's path. */
export const EXAMPLES = fileURLToPath(new URL('../examples/definitions', import.meta.url));
