import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { IMAGE_FORMATS } from "../../src/ports/image-provider.ts";
import { makeCertificate } from "../support/c2pa/certificates.ts";
import { type RunningGateway, startGateway } from "../support/gateways/gateway.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "./when-present.ts";

const SCRIPT = fileURLToPath(new URL("./c2pa_verify.py", import.meta.url));
/** A Python with the package `c2pa-python`, for example in a virtual environment. */
const PYTHON = process.env.PICTOGRAPH_TEST_PYTHON ?? "python3";
const isHere = await runsHere(PYTHON, "-c", "import c2pa");

const newDirectory = temporaryDirectories();
let gateway: RunningGateway;

beforeAll(async () => {
  const { files } = await makeCertificate(await newDirectory());
  gateway = await startGateway({ c2pa: files });
});
afterAll(() => gateway.close());

describe("the Python verifier of content credentials", () => {
  testWhere(isHere, "c2pa-python", "accepts every format, and refuses a file with one changed byte", async () => {
    const { body } = await gateway.graphql(
      `mutation { generateImages(input: { prompt: "a lighthouse", size: "256x256" }) {
        images { ${IMAGE_FORMATS.map((format) => `${format}: url(width: 128, format: ${format})`).join(" ")} }
      } }`,
    );
    const [urls] = body.data.generateImages.images;
    const directory = await newDirectory();
    const paths: string[] = [];
    const write = async (name: string, bytes: Uint8Array) => {
      const path = join(directory, name);
      await writeFile(path, bytes);
      paths.push(path);
    };
    for (const format of IMAGE_FORMATS) {
      const bytes = Buffer.from(await (await fetch(urls[format])).arrayBuffer());
      await write(`whole.${format.toLowerCase()}`, bytes);
      // The last bytes of a file belong to the picture, or to the signature in a WebP.
      const place = bytes.length - 20;
      bytes[place] = (bytes[place] ?? 0) ^ 1;
      await write(`changed.${format.toLowerCase()}`, bytes);
    }
    const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, ...paths]);

    const verdicts = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(verdicts).toHaveLength(2 * IMAGE_FORMATS.length);
    for (const [index, verdict] of verdicts.entries()) {
      if (index % 2 === 0) {
        // The test's authority is unknown to the verifier.
        expect(verdict).toEqual({ state: "Valid", codes: ["signingCredential.untrusted"], manifests: 2 });
      } else {
        expect(verdict.state).toBe("Invalid");
        expect(verdict.codes).toContainEqual(expect.stringMatching(/[Mm]ismatch$/));
      }
    }
  });
});
