/** Entry `@mediated/vendors`: where the driver modules are, for `runtime.loadDriver`. */

/** The module of vfio_ap, crypto adapters of a mainframe. */
export const apUrl: URL = new URL('./ap/driver.js', import.meta.url);

/** The module of vfio_ccw, I/O subchannels of a mainframe. */
export const ccwUrl: URL = new URL('./ccw/driver.js', import.meta.url);

/** The module of GVT-g, vGPUs of an Intel i915. */
export const gvtUrl: URL = new URL('./gvt/driver.js', import.meta.url);

/** The module of mbochs, the sample display after Bochs' graphics card. */
export const mbochsUrl: URL = new URL('./mbochs/driver.js', import.meta.url);

/** The module of mdpy, the sample display with a plain framebuffer. */
export const mdpyUrl: URL = new URL('./mdpy/driver.js', import.meta.url);

/** The module of mtty, the sample serial card. */
export const mttyUrl: URL = new URL('./mtty/driver.js', import.meta.url);

/** The module of sf, subfunctions of a network card. */
export const sfUrl: URL = new URL('./sf/driver.js', import.meta.url);

/** The module of vgpu, mediated GPUs after a profile. */
export const vgpuUrl: URL = new URL('./vgpu/driver.js', import.meta.url);
