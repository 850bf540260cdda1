import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const INDEX = new URL("../dist/index.js", import.meta.url).href;

/** Runs a module in a Node that says it is another version. `node:sqlite` is out of its reach, as it was in that one. */
function runUnder(version: string, ...parameters: readonly string[]) {
  const pretend = `
    import { registerHooks } from "node:module";
    Object.defineProperty(process.versions, "node", { value: ${JSON.stringify(version)} });
    registerHooks({ resolve(specifier, context, next) {
      if (specifier === "node:sqlite") throw new Error("No such built-in module: node:sqlite");
      return next(specifier, context);
    } });`;
  const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
  return promisify(execFile)(process.execPath, ["--import", preload, ...parameters]);
}

const EXPLANATION = "Pictograph needs Node 22.18 or newer, and this is 20.20.2";

test("the command says in one sentence which Node version it needs", async () => {
  await expect(runUnder("20.20.2", MAIN)).rejects.toMatchObject({
    code: 1,
    stderr: `Pictograph cannot start:\n  ${EXPLANATION}\n`,
  });
});

test("the library says which Node version it needs when a gateway is created, not when it is imported", async () => {
  const program = `const { createGateway } = await import(${JSON.stringify(INDEX)});
    await createGateway().catch((error) => console.log(error.name, error.message));`;
  const { stdout, stderr } = await runUnder("20.20.2", "--input-type=module", "--eval", program);

  expect([stdout, stderr]).toEqual([`StartError ${EXPLANATION}\n`, ""]);
});

test("version 22.18 is new enough", async () => {
  const program = `await (await import(${JSON.stringify(INDEX)})).createGateway({ defaultModel: "none" })
    .catch((error) => console.log(error.message));`;
  const { stdout } = await runUnder("22.18.0", "--input-type=module", "--eval", program);

  expect(stdout).toContain("node:sqlite");
});
