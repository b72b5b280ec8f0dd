import { count } from "./counts";
import { money } from "./money";

const MINUS = "−";

function signed(value: number, shown: (size: number) => string): string {
  if (value === 0) return shown(0);
  return `${value > 0 ? "+" : MINUS}${shown(Math.abs(value))}`;
}

/** A difference of money, with its sign in front: +$5.84, −$0.10. */
export const signedMoney = (value: number) => signed(value, money);

export const signedCount = (value: number) => signed(value, count);
