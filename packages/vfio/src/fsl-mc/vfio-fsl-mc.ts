/** The driver `vfio-fsl-mc`, a module for `loadDriver`. `fslMcUrl` is this module. */
import { defineFslMcDriver } from './define-fsl-mc-driver.js';

export default defineFslMcDriver();
