import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect } from "@jest/globals";
import sharp from "sharp";
import { GatewayError } from "../../src/errors.ts";
import type { ScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { makeImages } from "../support/gateways/scripted-provider.ts";
import { expectEveryRoute, SAMPLES, startSampleGateway } from "../support/samples/samples.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "./when-present.ts";

/** The command for each sample, and a command that shows whether the machine can run it. */
const LANGUAGES = [
  ["Shell", "shell/pictograph.sh", ["sh"], ["curl", "--version"]],
  ["Ruby", "ruby/pictograph.rb", ["ruby"], ["ruby", "--version"]],
  ["Python", "python/pictograph.py", ["python3"], ["python3", "--version"]],
  ["PHP", "php/pictograph.php", ["php"], ["php", "--version"]],
  ["Java", "java/Pictograph.java", ["java"], ["java", "--version"]],
  ["Go", "go/pictograph.go", ["go", "run"], ["go", "version"]],
] as const;

const areHere = await Promise.all(LANGUAGES.map(([, , , [command, ...args]]) => runsHere(command, ...args)));

const newDirectory = temporaryDirectories();
let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startSampleGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.provider.script = makeImages;
  gateway.provider.requests.length = 0;
});

describe("the sample", () => {
  for (const [index, [language, file, command, [needed]]] of LANGUAGES.entries()) {
    const start = (directory: string) => {
      const [program, ...args] = [...command, join(SAMPLES, file)];
      const env = { ...process.env, PICTOGRAPH_URL: gateway.url };
      return promisify(execFile)(program ?? "", args, { cwd: directory, env });
    };
    const isHere = areHere[index] ?? false;

    testWhere(isHere, needed, `in ${language} calls every REST route`, async () => {
      const directory = await newDirectory();
      const { stdout } = await start(directory);
      const picture = await sharp(join(directory, "fox.png")).metadata();

      expectEveryRoute(gateway, stdout.trim().split("\n"));
      expect(picture).toMatchObject({ format: "png", width: 512, height: 512 });
    });

    testWhere(isHere, needed, `in ${language} reports an error and exits`, async () => {
      gateway.provider.script = async function* refusing() {
        yield* [];
        throw new GatewayError("CONTENT_REJECTED", "refused; change the prompt", { billed: "NO" });
      };
      const failed = await start(await newDirectory()).catch((error) => error);

      expect(failed.code).toBeGreaterThan(0);
      expect(failed.stderr + failed.stdout).toContain("refused; change the prompt");
      expect(gateway.provider.requests).toHaveLength(1);
    });
  }
});
