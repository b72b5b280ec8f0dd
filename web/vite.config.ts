import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const server = process.env.ROLLCALL_URL ?? "http://127.0.0.1:8787";

const firstPage = [
  /node_modules\/(react|react-dom|scheduler|wouter|regexparam|@tanstack|d3-array)\//,
  /src\/(api|format|state|time)\/(?!account|administration|alerts|change|closing|decisions|explain|links|teams)/,
  /src\/text\/(en|index|language)\./,
  /src\/ui\/(Bone|Boundary|Copy|copyText|ExplainFigure|Failure|Icon|lazily|LanguageSwitch|Notice|Popover|Segmented|Select|ThemeSwitch|theme|useMedia|useSettled)\./,
  /src\/charts\/(?!ChartTable|png)/,
  /src\/pages\/(entries|pages|routes|use\w+)\./,
  /src\/pages\/shell\/(AdministrationLinks|Connection|Logo|Navigation|OrganizationSwitcher|PageLink|Shell|ShellSkeleton)\./,
  /src\/pages\/(palette\/(SearchButton|usePalette)|views\/ViewsMenu)\./,
  /src\/pages\/window\/(ComparedWith|RangePicker|WithCalendar|ZonePicker|shownAsOf|use\w+)\./,
  /src\/pages\/explain\/Explaining\./,
  /src\/pages\/parts\/(BeforeEntry|Changed|ChartCard|Downloads|EntryTag|Facts|Guarded|Legend|NarrowButton|PageBones|PageHeader|RankTable|Saved|useCacheSaving)\./,
  /src\/pages\/analytics\/(ActivityView|AnalyticsPage|GroupBy|RankingCard|SummaryCards|question|steps)\./,
];

/** Beside every script and style its brotli form: the server sends it as it is, smaller than it could in time. */
function brotli(): Plugin {
  return {
    name: "brotli",
    apply: "build",
    // After everything has been written: earlier, the code still has placeholders in it.
    writeBundle({ dir = "dist" }, bundle) {
      for (const fileName of Object.keys(bundle).filter((name) => /\.(js|css)$/.test(name))) {
        const path = join(dir, fileName);
        writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path)));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), brotli()],
  build: {
    target: "es2022",
    // The server's content security policy allows no data: fonts or scripts, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          // What the first page needs is one file: a dozen small ones compress worse and cost a request each.
          groups: [{ name: "base", test: (id: string) => firstPage.some((part) => part.test(id)) }],
        },
      },
    },
  },
  server: {
    // Settings of clients are in data/.
    fs: { allow: [".."] },
    proxy: { "/v1": server, "/analytics": server, "/openapi.json": server },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
