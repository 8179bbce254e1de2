/** The driver `vfio-amba`, a module for `loadDriver`. `ambaUrl` is this module. */
import { definePlatformDriver } from './define-platform-driver.js';

export default definePlatformDriver('amba');
