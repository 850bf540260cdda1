import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { openC2paImageSigner } from "../../src/adapters/c2pa/c2pa-image-signer.ts";
import { ADMIN_KEY, startKeyedGateway } from "../support/gateways/keyed-gateway.ts";
import { plainImage } from "../support/gateways/scripted-provider.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/processes/gateway-process.ts";
import { readDocSamples } from "../support/samples/doc-samples.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "./when-present.ts";

/** Commands that start a gateway. They have their own tests in test/system/. */
const STARTS = /npm (ci|start|test)/;

/**
 * Commands that install a gateway where the tests have no rights. What they install is tested elsewhere in this folder.
 */
const INSTALLS = /^(docker|kubectl|helm|sudo) /m;

/** Commands that call a gateway with a key. */
const NEEDS_KEY = /\$PICTOGRAPH_A(DMIN|PI)_KEY/;

/** Commands that make a certificate. */
const CERTIFIES = /openssl x509/;

/** Samples of the command line. test/docs/command-line.test.ts runs these. */
const COMMAND_LINE = /(^|\s)pictograph [a-z]/;

const samples = (await readDocSamples()).filter(
  ({ language, code }) => language === "sh" && !COMMAND_LINE.test(code) && !INSTALLS.test(code),
);
const hasOpenssl = await runsHere("openssl", "version");
const hasCurl = await runsHere("curl", "--version");
const newDirectory = temporaryDirectories();

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await startGatewayProcess();
});
afterAll(() => gateway.stop());

test("the documents contain commands to run", () => {
  expect(samples.filter(({ code }) => !STARTS.test(code)).length).toBeGreaterThan(2);
});

describe("commands of the documents", () => {
  for (const { place, code } of samples.filter(
    ({ code }) => !STARTS.test(code) && !NEEDS_KEY.test(code) && !CERTIFIES.test(code),
  )) {
    testWhere(hasCurl, "curl", `${place} finds images`, async () => {
      const directory = await newDirectory();
      await writeFile(join(directory, "photo.png"), await plainImage(64, 64, 1, "PNG"));
      const command = code.replaceAll("localhost:8080", new URL(gateway.url).host);
      const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", command], { cwd: directory });

      expect(stdout).toMatch(/\/images\/img_/);
    });
  }
});

describe("commands that call with a key", () => {
  for (const { place, code } of samples.filter((sample) => NEEDS_KEY.test(sample.code))) {
    testWhere(hasCurl, "curl", `${place} is answered`, async () => {
      const keyed = await startKeyedGateway();
      const { token } = await keyed.createKey(await keyed.createProject());
      const command = code.replaceAll("localhost:8080", new URL(keyed.url).host);
      const env = { ...process.env, PICTOGRAPH_ADMIN_KEY: ADMIN_KEY, PICTOGRAPH_API_KEY: token };
      const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", command], { env });
      await keyed.close();

      expect(stdout).toMatch(/proj_|\/images\/img_/);
    });
  }
});

describe("commands that make a certificate", () => {
  for (const { place, code } of samples.filter((sample) => CERTIFIES.test(sample.code))) {
    testWhere(hasOpenssl, "openssl", `${place} makes a certificate that can sign`, async () => {
      const directory = await newDirectory();
      await promisify(execFile)("bash", ["-euo", "pipefail", "-c", code], { cwd: directory });

      const files = { certificate: join(directory, "c2pa.pem"), key: join(directory, "c2pa.key") };
      const signer = await openC2paImageSigner(files, { name: "Pictograph", version: "1.2.3" }, new Date());
      await signer.close();
    });
  }
});
