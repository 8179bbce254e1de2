/** The driver mdpy that tells in which order it is called. Loaded by `replay-order.ts`. */
import { mdpyUrl } from '@mediated/vendors';
import { traced } from './traced-driver.fixture.js';

export default await traced(mdpyUrl);
