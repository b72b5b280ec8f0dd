import { expect, test } from "vitest";

const sources = import.meta.glob<string>("./**/*.{ts,tsx}", { eager: true, query: "?raw", import: "default" });

/** The files that take from each other, directly or in a circle, each with those of them that it takes from. */
function circles(files: Readonly<Record<string, string>>): Record<string, string[]> {
  const imports = new Map(Object.entries(files).map(([file, code]) => [file, importsOf(file, code, files)]));
  // What nobody takes from, and what takes nothing, is in no circle.
  for (let before = Infinity; imports.size < before; ) {
    before = imports.size;
    const taken = new Set([...imports.values()].flat());
    for (const [file, from] of imports) {
      const left = from.filter((other) => imports.has(other));
      if (left.length > 0 && taken.has(file)) imports.set(file, left);
      else imports.delete(file);
    }
  }
  return Object.fromEntries(imports);
}

/** Types and what is loaded later count as well: whoever reads the one file has to read the other. */
function importsOf(file: string, code: string, files: Readonly<Record<string, string>>): string[] {
  const named = code.matchAll(/^(?:import|export)[^"']*from "(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gm);
  return [...named].flatMap(([, first, later]) => {
    const path = new URL(first ?? later ?? "", `file:///${file}`).pathname.replace("/", "./");
    return [path, `${path}.ts`, `${path}.tsx`, `${path}/index.ts`].filter((one) => one in files);
  });
}

test("no file takes from one that takes from it", () => {
  expect(Object.keys(sources).length).toBeGreaterThan(100);
  expect(circles(sources)).toEqual({});
});

test.each([
  ["of two", { "./a/one.ts": 'import { two } from "../two";', "./two.ts": 'export { one } from "./a/one";' }, ["./a/one.ts", "./two.ts"]],
  [
    "of three, beside what only takes from it",
    {
      "./one.ts": 'import { a,\n  b } from "./two";',
      "./two.ts": 'import type { Three } from "./three";',
      "./three/index.ts": 'const One = lazy(() => import("../one"));',
      "./four.ts": 'import { one } from "./one";',
    },
    ["./one.ts", "./three/index.ts", "./two.ts"],
  ],
  ["in none", { "./one.ts": 'import { two } from "./two";', "./two.ts": 'import react from "react"; // from "./one"' }, []],
])("a circle %s is found", (_, files, found) => expect(Object.keys(circles(files)).sort()).toEqual(found));
