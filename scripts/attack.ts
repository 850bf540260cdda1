import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import type { Attack } from "../test/attacks/attack.ts";
import { ATTACKS } from "../test/attacks/attacks.ts";
import type { Observation, Observed } from "../test/attacks/observer.ts";
import { startTarget } from "../test/attacks/targets.ts";

/**
 * `npm run attack` runs every attack in full, each against its own gateway with a heap of 512 MB. `npm run attack --
 * map image` runs those whose names contain one of the words. It prints the answers, the gateway's peak memory, the
 * longest time that `/healthz` took, and the memory afterwards. It exits with 1 if an answer is wrong or a limit is
 * exceeded.
 */
const MEBIBYTE = 1024 * 1024;
/** A gateway that takes more memory is killed. */
const MAX_BYTES = 700 * MEBIBYTE;
const MAX_HEALTH_MS = 1_000;
/** The memory that a gateway may still hold after it has had time to free some. */
const MAX_RESTING_BYTES = 350 * MEBIBYTE;
const REST_MS = 60_000;

const { positionals: words } = parseArgs({ allowPositionals: true });
const chosen = ATTACKS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (chosen.length === 0) throw new Error(`no attack has a name like ${words.join(" or ")}`);

console.log("attack | answers | peak MiB | slowest /healthz ms | MiB afterwards | verdict");
let failures = 0;
for (const attack of chosen) {
  const faults = await attackOnce(attack);
  failures += faults.length > 0 ? 1 : 0;
}
console.log(`${chosen.length - failures} withstood, ${failures} failed`);
process.exit(failures > 0 ? 1 : 0);

async function attackOnce(attack: Attack): Promise<readonly string[]> {
  await using attacked = await startTarget(attack);
  const { target, process: gateway } = attacked;
  const observed: Observed = { url: gateway.url, processId: gateway.processId, maxBytes: MAX_BYTES };
  const observer = new Worker(new URL("../test/attacks/observer.ts", import.meta.url), { workerData: observed });
  let isGone = false;
  void gateway.exited.then(() => {
    isGone = true;
  });
  try {
    // The observer runs from here on.
    await report(observer);
    const answers = await attack.run(target, "full");
    const during = await report(observer);
    const afterwards = await rest(observer);
    const wrong = answers.filter((answer) => !attack.expected.test(answer));
    const faults = [
      ...(wrong.length > 0 ? ["wrong answers"] : []),
      ...(isGone ? ["the gateway died"] : []),
      ...(during.slowestHealthMs > MAX_HEALTH_MS ? ["/healthz too slow"] : []),
      ...(during.peakBytes > MAX_BYTES ? ["too much memory"] : []),
      ...(afterwards.currentBytes > MAX_RESTING_BYTES ? ["memory not freed"] : []),
    ];
    const columns = [
      attack.name,
      summarise(answers),
      Math.round(during.peakBytes / MEBIBYTE),
      Math.round(during.slowestHealthMs),
      Math.round(afterwards.currentBytes / MEBIBYTE),
      faults.length > 0 ? faults.join(", ") : "withstood",
    ];
    console.log(columns.join(" | "));
    return faults;
  } finally {
    await observer.terminate();
  }
}

async function report(observer: Worker): Promise<Observation> {
  observer.postMessage("report");
  const [observation] = (await once(observer, "message")) as [Observation];
  return observation;
}

/** Waits until the gateway has freed its memory, for a minute at most. */
async function rest(observer: Worker): Promise<Observation> {
  const until = performance.now() + REST_MS;
  for (;;) {
    const observation = await report(observer);
    if (observation.currentBytes < MAX_RESTING_BYTES || performance.now() > until) return observation;
    await setTimeout(1_000);
  }
}

/** `503 OVERLOADED x 12, 200 x 4` */
function summarise(answers: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [...counts].map(([answer, count]) => (count === 1 ? answer : `${answer} x ${count}`)).join(", ");
}
