/** What a request to a running instance was refused with; the message is one sentence for the user. */
export class ControlError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
