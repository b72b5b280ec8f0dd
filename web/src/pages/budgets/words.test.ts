import { expect, it } from "vitest";
import { all } from "./words";

it("says the same in each language, and leaves nothing empty", () => {
  const names = (words: object) => Object.entries(words).map(([name, said]) => `${name} ${typeof said}`);
  for (const words of Object.values(all)) {
    expect(names(words)).toEqual(names(all.en));
    const said = Object.values(words).map((one) => (typeof one === "string" ? one : one("1", 2 as never)));
    expect(said.filter((one) => one.trim() === "" || one.includes("undefined"))).toEqual([]);
  }
  expect([all.en.off("4%", 1), all.en.off("4%", 6)]).toEqual(["off by 4% in the last one", "off by 4% in the last 6"]);
});
