/** The driver `vfio-platform`, a module for `loadDriver`. `platformUrl` is this module. */
import { definePlatformDriver } from './define-platform-driver.js';

export default definePlatformDriver('platform');
