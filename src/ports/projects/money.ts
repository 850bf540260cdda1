/** An exact amount of money: US dollars as an integer of 10^-12. */
export type Amount = bigint;

const DECIMALS = 12;
/** The number of decimals that are always shown. More are shown only if they are not zero. */
const SHOWN_DECIMALS = 6;
const USD = /^(?<whole>\d{1,30})(?:\.(?<fraction>\d{1,12}))?$/;
/** The most digits of a price or a limit before the decimal point. */
const MAX_SETTING_DIGITS = 9;

/** The largest budget, in US dollars: what is spent in a window has to fit into 64 bits. */
export const MAX_BUDGET_USD = "9000000";

/**
 * Whether a text is an amount in US dollars: a decimal string below a billion, not negative, with at most twelve
 * decimals.
 */
export function isUsd(text: string): boolean {
  const { whole } = USD.exec(text)?.groups ?? {};
  return whole !== undefined && whole.length <= MAX_SETTING_DIGITS;
}

/**
 * Parses US dollars. @param usd a decimal string, not negative, with at most twelve decimals
 *
 * @throws RangeError when it is something else
 */
export function toAmount(usd: string): Amount {
  const { whole, fraction = "" } = USD.exec(usd)?.groups ?? {};
  if (whole === undefined) throw new RangeError(`not an amount in US dollars: ${usd}`);
  return BigInt(whole + fraction.padEnd(DECIMALS, "0"));
}

/** Formats US dollars as a decimal string with at least six decimals: `0.042113`. */
export function toUsd(amount: Amount): string {
  const digits = String(amount).padStart(DECIMALS + 1, "0");
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, "").padEnd(SHOWN_DECIMALS, "0");
  return `${digits.slice(0, -DECIMALS)}.${fraction}`;
}
