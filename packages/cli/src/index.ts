/** What `mediated` offers to programs: device definitions in mdevctl's format. The program itself is `main.ts`. */
export type { DefinitionAttribute } from './definition-format.js';
export {
  type Definition,
  type DefinitionProblem,
  type Definitions,
  readDefinitions,
  refuseDefinition,
} from './definitions.js';
