import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { readStudioDocuments } from "../../src/api/web/studio-routes.ts";
import { launchBrowser } from "../support/clients/browser.ts";
import { startScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { openStudio } from "../support/studio.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
const LISTED = "query Listed { models { id } }";

async function writeList(): Promise<string> {
  const path = join(await newDirectory(), "operations.json");
  await writeFile(path, JSON.stringify({ listed: LISTED }));
  return path;
}

test("the studio works with trusted documents only, and other documents are refused", async () => {
  const gateway = await startScriptedGateway({ trustedDocuments: await writeList() });
  const browser = await launchBrowser();
  const { page, expectClean, close } = await openStudio(browser, gateway.url);
  await page.getByRole("textbox", { name: "Prompt" }).fill("a fox");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("grid").getByRole("link", { name: "a fox" }).press("f");
  await page.getByRole("grid").getByRole("link", { name: "a fox, favourite" }).press("Enter");
  await page.getByRole("heading", { name: "a fox" }).waitFor();
  expectClean();
  await close();
  await browser.close();

  expect((await gateway.graphql(LISTED)).body.errors).toBeUndefined();
  const other = await gateway.graphql("query Other { models { id provider } }");
  expect(other.body.errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
  await gateway.close();
});

test("a gateway without the studio does not trust the studio's documents", async () => {
  const [document = ""] = readStudioDocuments().values();
  const gateway = await startScriptedGateway({ trustedDocuments: await writeList(), hasStudio: false });
  const { body } = await gateway.graphql(document);
  expect(body.errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
  expect((await gateway.graphql(LISTED)).body.errors).toBeUndefined();
  await gateway.close();
});
