/** The driver mbochs that tells in which order it is called. Loaded by `replay-order.ts`. */
import { mbochsUrl } from '@mediated/vendors';
import { traced } from './traced-driver.fixture.js';

export default await traced(mbochsUrl);
