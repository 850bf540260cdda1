import { parseArgs } from "node:util";
import { brokenPromises, type ChaosReport, type EndCounts, runChaos } from "../test/system/chaos/chaos.ts";
import type { Verdict } from "../test/system/chaos/chaos-verdict.ts";
import { type Outage, type OutageReport, OutageRun, type OutageVerdict } from "../test/system/outage/outage.ts";

const USAGE = `Kills and stops gateways under load, and says which promises were broken. Exits with 1 if any was.

  npm run chaos                                  one with its own store 200 times, then one of two that share a store 50 times
  npm run chaos -- --topology embedded           only the first; distributed: only the second
  npm run chaos -- --outage database             takes away what two gateways share: database, storage or both

  --rounds N      how often a gateway is ended: half of the times by SIGKILL, and else by SIGTERM or Ctrl-C
  --clients N     how many clients are at work at any time (default: 16)
  --seed N        the same seed makes roughly the same run
  --no-webhooks   sends no webhooks
  --seconds N     how long an outage lasts (default: 30)`;

const { values } = parseArgs({
  options: {
    help: { type: "boolean", short: "h", default: false },
    rounds: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    topology: { type: "string" },
    clients: { type: "string", default: "16" },
    "no-webhooks": { type: "boolean", default: false },
    outage: { type: "string" },
    seconds: { type: "string", default: "30" },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const ROUNDS = { embedded: 200, distributed: 50 } as const;
type Topology = keyof typeof ROUNDS;
const TOPOLOGIES = Object.keys(ROUNDS) as Topology[];

const { outage } = values;
const topologies = TOPOLOGIES.filter((name) => values.topology === undefined || name === values.topology);
if (topologies.length === 0) throw new Error(`--topology is ${TOPOLOGIES.join(" or ")}`);
if (outage !== undefined && !isOutage(outage)) throw new Error("--outage is database, storage or both");
const seed = wholeNumber("seed");
const clients = wholeNumber("clients");
if (outage !== undefined) await takeAway(outage, wholeNumber("seconds"));
else for (const topology of topologies) await endGateways(topology);

async function endGateways(topology: Topology): Promise<void> {
  const rounds = values.rounds === undefined ? ROUNDS[topology] : wholeNumber("rounds");
  console.log(`${topology}, ${rounds} rounds, seed ${seed}`);
  const report = await runChaos({
    topology,
    rounds,
    seed,
    clients,
    hasWebhooks: !values["no-webhooks"],
    onRound: (round) => {
      if (process.stdout.isTTY) process.stdout.write(`\r${round} of ${rounds}`);
      else if (round % 25 === 0) console.log(`${round} of ${rounds}`);
    },
  });
  print([...rowsOf(report), ...endRowsOf(report)]);
  complain(brokenPromises(report));
}

async function takeAway(outage: Outage, seconds: number): Promise<void> {
  console.log(`${outage} away for ${seconds} s, ${clients} clients, seed ${seed}`);
  // The default lease, or longer if a longer outage needs it.
  await using run = await OutageRun.start({ seed, clients, leaseSeconds: Math.max(60, 2 * seconds) });
  const report = await run.suffer(outage, seconds);
  const verdict = await run.settle();
  print([...rowsOf(verdict), ...outageRowsOf(report, verdict)]);
  const { misshapen, paidAndLost } = verdict;
  const broken = Object.entries({ misshapen, paidAndLost }).filter(([, list]) => list.length > 0);
  complain(new Map([...brokenPromises(verdict), ...broken]));
}

function isOutage(text: string): text is Outage {
  return text === "database" || text === "storage" || text === "both";
}

function wholeNumber(name: "rounds" | "seed" | "clients" | "seconds"): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} is a whole number above 0`);
  return value;
}

type Row = readonly [name: string, value: string | number];

function rowsOf(verdict: Verdict): Row[] {
  const finished = [...verdict.finished].sort(([, a], [, b]) => b - a);
  const total = finished.reduce((sum, [, count]) => sum + count, 0);
  return [
    ["accepted", verdict.accepted],
    ["  of them edits", verdict.acceptedEdits],
    ["finished", total],
    ...indented(finished),
    ["lost", verdict.lost.length],
    ["submitted twice", verdict.submittedTwice.length],
    ["paid twice over WebSockets without a key", verdict.paidTwice.length],
    ["cut off by a stop", verdict.cutOff.length],
    ["finished after a takeover", verdict.finishedAfterTakeover.length],
    ["refused by a budget", verdict.refused],
    ["budgets exceeded", verdict.overspent.length],
    ["dollars and images miscounted", verdict.miscounted.length],
    ["  billed by the provider", verdict.billedUsd],
    ["  settled in the ledger", verdict.settledUsd],
    ["  of it estimated", verdict.estimatedUsd],
    ["orphans", verdict.orphans.length],
    ["half-written images served", verdict.halfWritten.length],
    ["records without bytes", verdict.recordsWithoutBytes.length],
    ["contradictions", verdict.contradictions.length],
  ];
}

function endRowsOf(report: ChaosReport): Row[] {
  const { images, previews, sources } = report.swept;
  return [
    ...countRowsOf("crashes", report.kills),
    ...countRowsOf("stops, by SIGTERM and by Ctrl-C in turn", report.stops),
    ["sent again over a WebSocket that closed", report.repeats],
    ["orders over WebSockets through stops alone", report.throughStops],
    ["ends and images that webhooks did not tell of", report.untold.length],
    ["webhooks that arrived", report.webhooks],
    ["  once more", report.repeatedWebhooks],
    ["calls of the provider", report.upstreamCalls],
    ["images loaded and compared", report.imagesLoaded],
    ["previews loaded", report.previewsLoaded],
    ["files that the sweep removed", images + previews + sources],
    ["  previews", previews],
    ["  of edits to be made", sources],
    ["duration", `${Math.round(report.durationMs / 1000)} s`],
  ];
}

function countRowsOf(name: string, { all, queued, inProvidersHands, storing, idle }: EndCounts): Row[] {
  return [
    [name, all],
    ["  while generations waited", queued],
    ["  while the provider worked", inProvidersHands],
    ["  while images were stored", storing],
    ["  while nothing happened", idle],
  ];
}

function outageRowsOf(report: OutageReport, verdict: OutageVerdict): Row[] {
  const { queued, inProvidersHands, storing } = report.before;
  return [
    ["paid and lost", verdict.paidAndLost.length],
    ["answers that no client may get", verdict.misshapen.length],
    ["images loaded and compared", verdict.imagesLoaded],
    ["when it began", ""],
    ["  waited", queued],
    ["  in the provider's hands", inProvidersHands],
    ["  being stored", storing],
    ["while it was away", ""],
    ...report.health.map(({ healthz, readyz, failedChecks }, index): Row => {
      return [`  /healthz, /readyz of gateway ${index + 1}`, `${healthz}, ${readyz} (${failedChecks.join(" and ")})`];
    }),
    ["  paid for", report.paidMeanwhile.length],
    ["  attempts to reach the store", report.storeRetries],
    ...indented(report.answersMeanwhile),
    ["waited until it was back", ""],
    ...indented(report.answersAfterWaiting),
  ];
}

function indented(counts: Iterable<Row>): Row[] {
  return Array.from(counts, ([name, count]) => [`  ${name}`, count] as const);
}

function print(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  console.log("");
  for (const [name, value] of rows) console.log(`${name.padEnd(width)}  ${String(value).padStart(8)}`);
}

function complain(broken: ReadonlyMap<string, readonly string[]>): void {
  for (const [promise, instances] of broken) {
    console.error(`\n${promise}:\n${instances.slice(0, 20).join("\n")}`);
    process.exitCode = 1;
  }
}
