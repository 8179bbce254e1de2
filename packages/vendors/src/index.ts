/** Entry `@mediated/vendors`: where the driver modules are, for `runtime.loadDriver`. */

/** The module of mtty, the sample serial card. */
export const mttyUrl: URL = new URL('./mtty/driver.js', import.meta.url);
