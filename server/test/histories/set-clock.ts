/** To be loaded before a server: the clock of its machine stands wrong by `CLOCK_LEAD_MS`. */
const leadMs = Number(process.env.CLOCK_LEAD_MS);
const RealDate = Date;

class SetDate extends RealDate {
  constructor(...args: [] | [number]) {
    super(...((args.length === 0 ? [RealDate.now() + leadMs] : args) as [number]));
  }

  static override now(): number {
    return RealDate.now() + leadMs;
  }
}

globalThis.Date = SetDate as DateConstructor;
