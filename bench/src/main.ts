/**
 * Runs the benchmarks: `pnpm bench`. Prints one table per suite; figures are of this machine and this moment.
 */
import { errorSuite } from './errors.js';

for (const suite of [errorSuite()]) {
  await suite.run();
  console.log(suite.name);
  console.table(suite.table());
}
