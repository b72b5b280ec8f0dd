import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.ROLLCALL_URL ?? "http://127.0.0.1:8787";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // The server's content security policy allows no data: fonts or scripts, so nothing is inlined.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          // What every page needs is one file: a dozen small ones compress worse and cost a request each.
          groups: [
            {
              name: "base",
              test: /node_modules\/(react|react-dom|scheduler|wouter|regexparam|@tanstack)\/|src\/(api|format|state|text|time)\/|src\/ui\/(Icon|useMedia|theme|ThemeSwitch|Segmented)/,
            },
          ],
        },
      },
    },
  },
  server: {
    proxy: { "/v1": server, "/analytics": server },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
