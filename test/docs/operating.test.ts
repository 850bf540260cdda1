import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

test("docs/operating.md names every alert and no other", async () => {
  const [guide, rules] = await Promise.all(
    ["docs/operating.md", "deploy/prometheus/alerts.yml"].map((path) => readFile(`${ROOT}${path}`, "utf8")),
  );
  const named = [...(guide ?? "").matchAll(/^\| `(Pictograph\w+)` \| .+ \|$/gm)].map(([, name]) => name);
  const ruled = [...(rules ?? "").matchAll(/- alert: (\w+)/g)].map(([, name]) => name);

  expect(ruled.length).toBeGreaterThan(10);
  expect(named).toEqual(ruled);
});
