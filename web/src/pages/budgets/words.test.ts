import { expect, it } from "vitest";
import { all } from "./words";

it("says the same in each language, and leaves nothing empty", () => {
  const names = (words: object) => Object.entries(words).map(([name, said]) => `${name} ${typeof said}`);
  for (const words of Object.values(all)) {
    expect(names(words)).toEqual(names(all.en));
    const said = Object.values(words).map((one) => (typeof one === "string" ? one : one("1", 2 as never, "day")));
    expect(said.filter((one) => one.trim() === "" || one.includes("undefined"))).toEqual([]);
  }
  expect([all.en.off("4%", 1, "week"), all.en.off("4%", 6, "month")]).toEqual([
    "off by 4% in the last week",
    "off by 4% in the last 6 months",
  ]);
  expect([all.de.off("4 %", 1, "week"), all.de.off("4 %", 6, "month")]).toEqual([
    "in der letzten Woche um 4 % daneben",
    "in den letzten 6 Monaten um 4 % daneben",
  ]);
});
