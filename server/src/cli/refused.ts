/** A command cannot do what it was told; the text says why, and the status says of which kind it is. */
export class CommandRefused extends Error {
  override readonly name = "CommandRefused";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
