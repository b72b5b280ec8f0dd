import { expect, it } from "vitest";
import { all } from "./words";

it("has a word for what was done in each language", () => {
  for (const words of Object.values(all)) {
    expect(Object.keys(words)).toEqual(Object.keys(all.en));
    expect(Object.values(words).filter((word) => word.trim() === "")).toEqual([]);
  }
});
