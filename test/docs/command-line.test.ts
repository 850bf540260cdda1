import { execFile } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { ADMIN_KEY, type KeyedGateway, startKeyedGateway } from "../support/gateways/keyed-gateway.ts";
import { ANY_SIZE_EDITOR } from "../support/gateways/scripted-gateway.ts";
import { plainImage } from "../support/gateways/scripted-provider.ts";
import { MAIN, runCommand } from "../support/processes/run-command.ts";
import { readDocSamples } from "../support/samples/doc-samples.ts";
import { fillStore } from "../support/stores/filled-store.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

/** Commands that install a gateway. test/external/ tests what they install. */
const INSTALLS = /^(docker|kubectl|helm|sudo) /m;
const samples = (await readDocSamples()).filter(
  ({ language, code }) => language === "sh" && /(^|\s)pictograph [a-z]/.test(code) && !INSTALLS.test(code),
);
const newDirectory = temporaryDirectories();

let gateway: KeyedGateway;
/** Webhooks need a public address, which would change the image URLs in the other samples. */
let sending: KeyedGateway;
let programs: string;
const ids: Record<string, string> = {};
beforeAll(async () => {
  const edits = {
    maxInputImages: 16,
    maxInputBytes: 49_999_999,
    inputFormats: ["PNG", "WEBP"],
    hasMask: true,
  } as const;
  gateway = await startKeyedGateway({}, [{ ...ANY_SIZE_EDITOR, edits }]);
  sending = await startKeyedGateway({ publicUrl: "https://pictures.example" });
  ids.proj = await gateway.createProject();
  ids.key = (await gateway.createKey(ids.proj)).id;
  ids.pgk = ADMIN_KEY;
  const mutation = 'mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id } }';
  ids.gen = (await gateway.admin(mutation)).generateImages.id;
  programs = await newDirectory();
  await writeFile(join(programs, "pictograph"), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  await chmod(join(programs, "pictograph"), 0o755);
  await writeFile(join(programs, "npx"), '#!/bin/sh\nexec "$@"\n');
  await chmod(join(programs, "npx"), 0o755);
});
afterAll(async () => {
  await gateway.close();
  await sending.close();
});

test("the documents contain samples of the command line", () => {
  expect(samples.length).toBeGreaterThan(4);
});

describe("samples of the command line", () => {
  test.each(samples.map((sample) => [sample.place, sample] as const))("%s runs", async (_place, { code }) => {
    const cwd = await newDirectory();
    await writeFile(join(cwd, "photo.png"), await plainImage(512, 512, 1, "PNG"));
    const hole = sharp({ create: { width: 512, height: 512, channels: 4, background: "#0000" } });
    await writeFile(join(cwd, "mask.png"), await hole.png().toBuffer());
    const command = code
      .replaceAll(/(proj_|key_|pgk_|gen_)…/g, (_text, prefix: string) => ids[prefix.slice(0, -1)] ?? "")
      .replaceAll("https://pictures.example", gateway.url)
      .replaceAll("/var/lib/pictograph", "./data")
      .replaceAll(/\/(mnt|var\/lib)\//g, "./");
    if (/pictograph (backup|restore|verify)/.test(code)) await makeBackup(cwd);
    const env = {
      PATH: `${programs}:${process.env.PATH}`,
      PICTOGRAPH_URL: code.includes("pictograph webhooks") ? sending.url : gateway.url,
      PICTOGRAPH_API_KEY: ADMIN_KEY,
      PICTOGRAPH_SIGNING_SECRET: "a-signing-secret-of-the-test",
    };
    const { stdout, stderr } = await promisify(execFile)("sh", ["-eu", "-c", command], { cwd, env });

    expect(stderr).toBe("");
    expect(stdout).not.toBe("");
  });
});

/** Makes a store in `data`, the default directory, and a backup of it. */
async function makeBackup(cwd: string): Promise<void> {
  await fillStore(join(cwd, "data"), 2);
  await runCommand(["backup", "backup/pictograph"], { cwd });
}
