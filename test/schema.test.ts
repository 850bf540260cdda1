import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";

test("schema/ matches the resolvers and the REST routes", async () => {
  const script = fileURLToPath(new URL("../scripts/schema.ts", import.meta.url));
  const check = promisify(execFile)(process.execPath, [script, "--check"]);
  await expect(check).resolves.toMatchObject({ stderr: "" });
});
