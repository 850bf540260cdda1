import { execFile } from "node:child_process";
import { access, chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Browser, chromium, type LaunchOptions, type Page } from "playwright-core";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CACHE = join(ROOT, "node_modules/.cache/pictograph-test-browser");

/** Runs in its own process: the package unpacks into the system's temporary directory, which TMPDIR names. */
const UNPACK = `import chromium from "@sparticuz/chromium"; await chromium.executablePath();`;

/** Without any font on the machine Chromium aborts at the first text it lays out. */
const FONT_CONFIGURATION = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir></fontconfig>
`;

/**
 * Starts a real headless Chromium from the npm package `@sparticuz/chromium`, with the libraries and font in that
 * package. The machine needs neither a browser nor a download, and every machine renders alike. This Chromium enforces
 * the same-origin policy as a user's browser does. Closing it ends its processes and removes its profile.
 *
 * The first start after `npm ci` unpacks 220 MB into `node_modules/.cache`, which takes a few seconds; later starts
 * take 0.1 s.
 *
 * PICTOGRAPH_TEST_BROWSER names another Chromium or Chrome executable, for machines that cannot run this one.
 * @param extraArguments for Chromium's command line
 * @throws Error if no browser can be started here; it never skips silently
 */
export async function launchBrowser(extraArguments: readonly string[] = []): Promise<Browser> {
  const other = process.env.PICTOGRAPH_TEST_BROWSER;
  const options = other ? { executablePath: other } : await packagedBrowser();
  try {
    // The arguments that the package suggests turn off web security. Playwright's own do not.
    return await chromium.launch({ ...options, args: ["--disable-gpu", ...extraArguments], timeout: 20_000 });
  } catch (cause) {
    throw new Error(
      other
        ? `the browser that PICTOGRAPH_TEST_BROWSER names (${other}) did not start`
        : "the packaged Chromium did not start (it needs Linux with glibc 2.34 or later): " +
            "set PICTOGRAPH_TEST_BROWSER to the executable of a Chromium or Chrome that runs on this machine",
      { cause },
    );
  }
}

async function packagedBrowser(): Promise<LaunchOptions> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(
      `the packaged Chromium is for Linux on x64 and cannot run here (${process.platform} on ${process.arch}): ` +
        "set PICTOGRAPH_TEST_BROWSER to the executable of an installed Chromium or Chrome",
    );
  }
  const directory = await unpackedBrowser();
  return {
    executablePath: join(directory, "chromium"),
    // The environment is not inherited: a proxy, font setting or library path of the machine would change what is
    // tested.
    env: {
      TMPDIR: tmpdir(),
      LD_LIBRARY_PATH: join(directory, "al2023/lib"),
      FONTCONFIG_FILE: join(directory, "fonts.conf"),
    },
  };
}

/**
 * The directory of the unpacked package. It gets its final name by one rename, so it is always complete. If several
 * processes unpack at the same time, the first one wins and the others delete their copies.
 */
async function unpackedBrowser(): Promise<string> {
  const name = `chromium-${await packageVersion()}`;
  const directory = join(CACHE, name);
  await mkdir(CACHE, { recursive: true });
  await removeLeftovers(name);
  if (await exists(directory)) return directory;

  const unpacking = await mkdtemp(join(CACHE, `unpacking-${process.pid}-`));
  try {
    await unpack(unpacking);
    await rename(unpacking, directory);
  } catch (error) {
    await rm(unpacking, { recursive: true, force: true });
    if (!(await exists(directory))) throw error;
  }
  return directory;
}

async function unpack(target: string): Promise<void> {
  await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", UNPACK], {
    cwd: ROOT,
    // The package unpacks the shared libraries that a bare system lacks only on Lambda's runtimes.
    env: { TMPDIR: target, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" },
  });
  await writeFile(join(target, "fonts.conf"), FONT_CONFIGURATION);
  // Another user may run the tests next: root in a container, then a developer.
  await chmod(join(target, "chromium"), 0o755);
  await chmod(target, 0o755);
}

/** Removes other versions, and the leftovers of processes killed while unpacking. Those of another user may stay. */
async function removeLeftovers(current: string): Promise<void> {
  for (const name of await readdir(CACHE)) {
    const owner = /^unpacking-(\d+)-/.exec(name)?.[1];
    if (name === current || (owner && isRunning(Number(owner)))) continue;
    await rm(join(CACHE, name), { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined);
  }
}

function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function packageVersion(): Promise<string> {
  const text = await readFile(join(ROOT, "node_modules/@sparticuz/chromium/package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Waits until every picture in the page is loaded, except those that load only when scrolled to. `waitForFunction` does
 * not work on a page whose policy forbids `eval`.
 */
export async function untilPicturesLoaded(page: Page): Promise<void> {
  await page.evaluate(
    "Promise.all([...document.images].filter(({ loading }) => loading !== 'lazy').map((image) => image.decode().catch(() => {})))",
  );
}
