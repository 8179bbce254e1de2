/** mbochs with probes that fail when a test says so. */
import { defineDriver } from '@mediated/vfio';
import { mbochs } from '@mediated/vendors/mbochs';
import { faulty } from '../framebuffer/faulty.fixture.js';

export default defineDriver(faulty(mbochs));
