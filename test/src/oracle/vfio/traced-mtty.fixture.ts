/** The driver mtty that tells in which order it is called. Loaded by `replay-order.ts`. */
import { mttyUrl } from '@mediated/vendors';
import { traced } from './traced-driver.fixture.js';

export default await traced(mttyUrl);
