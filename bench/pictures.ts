import { fileURLToPath } from "node:url";
import { GATEWAY, MeasuredProcess } from "./processes/measured-process.ts";
import { median, mib, ms, type Row, timed } from "./row.ts";

const BARE = [fileURLToPath(new URL("./servers/bare-server.ts", import.meta.url))];
const PROMPTS = [
  "A cute asian girl with long hair smiling and looking at me",
  "a red fox in a snowy forest at night",
  "an astronaut riding a horse on the moon",
  "sushi and ramen on a wooden table, watercolor",
  "一只戴帽子的猫在海边看日落",
  "abstract blue and gold waves",
  "a blue car in a rainy city",
  "a dog on a beach",
];
const PICTURES = 40;
const CONCURRENT = 50;

/** Measures the illustrator, from `POST /get-image` to the answer. */
export async function measure(): Promise<Row[]> {
  const bare = await MeasuredProcess.start(BARE, { isMonitored: true });
  const bareIdle = (await bare.vitals()).residentBytes;
  await bare.stop();

  const gateway = await MeasuredProcess.start(GATEWAY, { isMonitored: true });
  const idle = (await gateway.vitals()).residentBytes;
  const first = await timed(() => getImage(gateway.url, promptOf(0)));
  await gateway.watchDelays();
  const pictures: number[] = [];
  for (let picture = 0; picture < PICTURES; picture++) {
    pictures.push(await timed(() => getImage(gateway.url, promptOf(picture))));
  }
  const { maxDelayMs } = await gateway.vitals();
  const outcomes: boolean[] = [];
  const burst = await timed(async () => {
    const requests = Array.from({ length: CONCURRENT }, (_, index) => getImage(gateway.url, promptOf(index)));
    outcomes.push(...(await Promise.allSettled(requests)).map(({ status }) => status === "fulfilled"));
  });
  const afterBurst = await gateway.vitals();
  await gateway.stop();
  return [
    {
      figure: "idle memory after the start",
      measured: mib(idle),
      target: "150 MiB",
      comparedWith: `Apollo Server on Express ${mib(bareIdle)}`,
    },
    {
      figure: `1024x1024 picture by POST /get-image, median of ${PICTURES}`,
      measured: ms(median(pictures)),
      target: "200 ms",
      comparedWith: `the slowest ${ms(Math.max(...pictures))}, the first ${ms(first)}`,
    },
    {
      figure: "longest block of the event loop meanwhile",
      measured: ms(maxDelayMs),
      target: "20 ms",
      comparedWith: `with ${CONCURRENT} at once ${ms(afterBurst.maxDelayMs)}`,
    },
    {
      figure: `errors of ${CONCURRENT} concurrent requests`,
      measured: String(outcomes.filter((isFulfilled) => !isFulfilled).length),
      target: "0",
      comparedWith: `all answered after ${ms(burst)}, memory then ${mib(afterBurst.residentBytes)}`,
    },
  ];
}

function promptOf(index: number): string {
  return PROMPTS[index % PROMPTS.length] ?? "";
}

/** @throws Error unless the answer is a picture of the requested size */
async function getImage(url: string, prompt: string): Promise<void> {
  const body = new URLSearchParams({ prompt, n: "1", size: "1024x1024" });
  const response = await fetch(`${url}/get-image`, { method: "POST", body });
  const { errorMessage } = (await response.json()) as { errorMessage: string };
  if (errorMessage !== "OK") throw new Error(errorMessage);
}
