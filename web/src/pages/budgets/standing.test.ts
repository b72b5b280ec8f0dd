import { describe, expect, it } from "vitest";
import type { Budget } from "../../api/budgets";
import { limitOf, missed, nearestFirst, reached, taken, unitOf, usedUp } from "./standing";

describe("where a budget stands", () => {
  it("is drawn within its bar, whatever was overspent", () => {
    expect(taken(100, { spent: 25, reserved: 50 })).toEqual({ spent: 0.25, reserved: 0.5 });
    expect(taken(100, { spent: 80, reserved: 50 })).toEqual({ spent: 0.8, reserved: 1 - 0.8 });
    expect(taken(100, { spent: 180, reserved: 50 })).toEqual({ spent: 1, reserved: 0 });
    expect(taken(0, { spent: 0, reserved: 0 })).toEqual({ spent: 1, reserved: 0 });
  });

  it("names who has nothing left, and how many they are", () => {
    const members = (...left: number[]) => left.map((remaining, i) => ({ name: "ABCDE"[i]!, remaining }));
    expect(usedUp(members(1, 2))).toBe("");
    expect(usedUp([])).toBe("");
    expect(usedUp(members(1, 0))).toBe("1 of 2 have nothing left: B");
    expect(usedUp(members(0, 0, 0, 1, 0))).toBe("4 of 5 have nothing left: A, B, C and 1 more");
  });

  it("is in the unit of its limit", () => {
    const budget = (limit: Budget["limit"]) => ({ limit }) as Budget;
    expect([unitOf(budget({ cost: 2.5 })), limitOf(budget({ cost: 2.5 }))]).toEqual(["cost", 2.5]);
    expect([unitOf(budget({ requests: 0 })), limitOf(budget({ requests: 0 }))]).toEqual(["requests", 0]);
    expect([unitOf(budget({ tokens: 7 })), limitOf(budget({ tokens: 7 }))]).toEqual(["tokens", 7]);
  });

  it("says how far off forecasts were, of all that was spent", () => {
    const past = (spent: number, expected: number) => ({ from: "", to: "", spent, expected });
    expect(missed([past(100, 90), past(300, 330)])).toBeCloseTo(0.1);
    expect([missed([]), missed([past(0, 5)])]).toEqual([null, null]);
    expect([reached(10, 5), reached(10, 50), reached(0, 1)]).toEqual([0.5, 1, 1]);
  });

  it("comes first where most is taken or will be", () => {
    const budget = (id: string, spent: number, more: Partial<Budget> = {}) =>
      ({ id, limit: { cost: 100 }, spent, reserved: 0, ...more }) as Budget;
    const forecast = (expected: number) => ({ expected, past: [] });
    const member = (remaining: number) => ({ userId: "", name: "", spent: 0, reserved: 0, remaining });
    const some = [
      budget("half", 50),
      budget("foreseen", 20, { forecast: forecast(130) }),
      budget("nearly", 90),
      budget("each", 10, { members: [member(90), member(0)] }),
      budget("none", 0, { limit: { cost: 0 } }),
    ];
    expect(nearestFirst(some).map(({ id }) => id)).toEqual(["each", "none", "foreseen", "nearly", "half"]);
  });
});
