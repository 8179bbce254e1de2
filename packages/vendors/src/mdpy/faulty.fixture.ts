/** mdpy with probes that fail when a test says so. */
import { defineDriver } from '@mediated/vfio';
import { mdpy } from '@mediated/vendors/mdpy';
import { faulty } from '../framebuffer/faulty.fixture.js';

export default defineDriver(faulty(mdpy));
