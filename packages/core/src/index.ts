export { MediatedError, isMediatedError } from "./errors.js";
