/** Reasons that several replayers have to leave something out. */
export const KERNEL_MESSAGES = 'texts in the kernel log: there is none; what concerns a user is in the error';
