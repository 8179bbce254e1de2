/** Definitions of devices that come with the package. Run by packed.e2e.test.ts in an empty project. */
import { fileURLToPath } from 'node:url';
import { type Definitions, readDefinitions } from 'mediated';

const folder = new URL('./examples/definitions', import.meta.resolve('mediated/package.json'));
const { definitions, problems }: Definitions = await readDefinitions(fileURLToPath(folder));
console.log(definitions.length, problems.length);
