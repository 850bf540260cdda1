import { describe, expect, test } from "@jest/globals";
import { ask } from "./attack.ts";
import { ATTACKS } from "./attacks.ts";
import { startTarget } from "./targets.ts";

describe("the gateway answers and survives", () => {
  test.each(ATTACKS.map((attack) => [attack.name, attack] as const))("%s", async (_name, attack) => {
    await using attacked = await startTarget(attack);
    const answers = await attack.run(attacked.target, "small");

    for (const answer of answers) expect(answer).toMatch(attack.expected);
    expect(answers.length).toBeGreaterThan(0);
    expect(await ask(attacked.target, "/healthz")).toBe("200");
  });
});
