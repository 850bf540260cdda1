import { mkdir } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, untilPicturesLoaded } from "../test/support/clients/browser.ts";

/**
 * Takes screenshots of the studio of a running gateway, to look at: `node scripts/studio-pictures.ts URL DIRECTORY
 * [PLACE…]`, a place being what follows the address, such as `#/image/img_01…`. Each is taken at 1440 and 390 pixels,
 * in the light and the dark theme.
 */
const [url = "http://localhost:8080", directory = "studio-pictures", ...places] = process.argv.slice(2);
const SIZES = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } } as const;

await mkdir(directory, { recursive: true });
await using browser: Browser = await launchBrowser();
for (const [width, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["light", "dark"] as const) {
    const page: Page = await browser.newPage({ viewport, colorScheme, locale: "en-GB" });
    page.on("console", (message) => message.type() === "error" && console.error(message.text()));
    for (const [index, place] of (places.length > 0 ? places : [""]).entries()) {
      // A change of the fragment alone would load nothing.
      await page.goto("about:blank");
      await page.goto(`${url}/${place}`);
      await page.locator("main:not([aria-busy])").waitFor();
      await untilPicturesLoaded(page);
      await page.screenshot({ path: `${directory}/${index}-${width}-${colorScheme}.png` });
    }
    await page.close();
  }
}
