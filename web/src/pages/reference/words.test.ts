import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { all } from "./words";

it("has a name for every part of the API in each language", () => {
  const { tags } = JSON.parse(readFileSync("../docs/openapi.json", "utf8")) as { tags: { name: string }[] };
  for (const words of Object.values(all)) {
    expect(Object.keys(words).sort()).toEqual(tags.map(({ name }) => name).sort());
    expect(Object.values(words).filter((word) => word.trim() === "")).toEqual([]);
  }
});
