/** What lies in the package beside the build and is used unless the command line names something else. */
import { fileURLToPath } from 'node:url';

/** The folder of definitions that `mediated demo` reads. */
export const EXAMPLES = fileURLToPath(new URL('../examples/definitions', import.meta.url));

/** The configuration that `mediated up` starts: every driver of `@mediated/vendors`. */
export const DEFAULT_CONFIGURATION = fileURLToPath(new URL('../examples/every-driver.json', import.meta.url));

/** The schema that configurations are checked against. */
export const CONFIGURATION_SCHEMA = new URL('../schema/configuration.schema.json', import.meta.url);
