import { graphql } from "../support/clients/graphql-client.ts";
import { type Attack, askGraph } from "./attack.ts";

const GENERATE = `mutation ($prompt: String!) {
  generateImages(input: { prompt: $prompt, n: 10, quality: HIGH, size: "3840x2160", waitSeconds: 0 }) { id }
}`;

/** Requests that cost the operator money. Each image below would cost about a tenth of a dollar or more. */
export const SPENDING_ATTACKS: readonly Attack[] = [
  {
    name: "generate and cancel in a loop",
    isPaid: true,
    env: { PICTOGRAPH_DAILY_BUDGET_USD: "none" },
    run: async (target, scale) => {
      const before = target.provider?.callCount ?? 0;
      const loops = scale === "full" ? 150 : 12;
      for (let start = 0; start < loops; start += 8) {
        await Promise.all(Array.from({ length: 8 }, (_, index) => cancelOne(target.url, `${start + index}`)));
      }
      const calls = (target.provider?.callCount ?? 0) - before;
      return [calls <= 8 ? "calls within the slots" : `${calls} calls`];
    },
    expected: /^calls within the slots$/,
  },
  {
    name: "more generations than a day may cost",
    isPaid: true,
    run: async (target, scale) => {
      const answers: string[] = [];
      for (let round = 0; round < (scale === "full" ? 40 : 3); round++) {
        const asked = Array.from({ length: 30 }, (_, index) =>
          askGraph(target, GENERATE, { prompt: `${round} ${index}` }),
        );
        answers.push(...(await Promise.all(asked)));
      }
      const accepted = answers.filter((answer) => answer === "200").length;
      return [
        ...answers.filter((answer) => answer !== "200"),
        accepted <= 40 ? "accepted few" : `accepted ${accepted}`,
      ];
    },
    expected: /^(accepted few|\d{3} BUDGET_EXCEEDED)$/,
  },
];

async function cancelOne(url: string, prompt: string): Promise<void> {
  const { data } = await graphql(url, GENERATE, { prompt });
  const id = data?.generateImages?.id;
  if (id) await graphql(url, `mutation { cancelGeneration(id: "${id}") { status } }`);
}
