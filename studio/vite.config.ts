import { defineConfig } from "vite";

/** Browsers that know `light-dark()`, `field-sizing` is optional: the style sheets ship as they are written. */
const BROWSERS = ["chrome123", "firefox125", "safari17.5"];

/** Builds the studio into `dist/pages/studio`. Its addresses are relative, so it works below any prefix. */
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist/pages/studio",
    emptyOutDir: true,
    assetsDir: "studio",
    // Nothing becomes a data: URL, so the policy of the page needs none for scripts and styles.
    assetsInlineLimit: 0,
    target: BROWSERS,
    modulePreload: { polyfill: false },
  },
});
