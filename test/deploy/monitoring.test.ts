import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { GatewayError } from "../../src/errors.ts";
import type { ModelDescription } from "../../src/ports/image-provider.ts";
import { makeCertificate } from "../support/c2pa/certificates.ts";
import {
  ANY_SIZE_MODEL,
  holdCalls,
  type ScriptedGateway,
  startScriptedGateway,
} from "../support/gateways/scripted-gateway.ts";
import { makeImages } from "../support/gateways/scripted-provider.ts";
import { startWebhookReceiver, type WebhookReceiver } from "../support/network/webhook-receiver.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
/** The metrics that a gateway writes, each with its labels. */
let labelsOf: ReadonlyMap<string, ReadonlySet<string>>;
let gateway: ScriptedGateway;
let receiver: WebhookReceiver;

/** Labels that Prometheus adds to every metric. */
const ADDED_LABELS = ["instance", "job"];

/** The provider charges more for it than its prices allow. */
const METERED: ModelDescription = {
  ...ANY_SIZE_MODEL,
  id: "metered-1",
  prices: [
    { from: "2026-01-01", source: "https://example.com", perMillionTokens: { textInput: "5", imageOutput: "30" } },
  ],
  outputTokens: {
    source: "https://example.com",
    perImage: { kind: "list", counts: { LOW: { "64x64": 100 } } },
    perPartialImage: 0,
  },
};
const USAGE = { inputTokens: 1, outputTokens: 9_000_000, totalTokens: 9_000_001 };

beforeAll(async () => {
  const modelsFile = join(await newDirectory(), "models.json");
  const certificate = await makeCertificate(await newDirectory());
  receiver = await startWebhookReceiver();
  await writeFile(modelsFile, JSON.stringify({ aliases: { sturdy: ["down-1", METERED.id] } }));
  const models = [ANY_SIZE_MODEL, { ...METERED, id: "down-1" }, METERED];
  gateway = await startScriptedGateway(
    {
      metrics: "route",
      modelsFile,
      c2pa: certificate.files,
      publicUrl: "http://localhost:8080",
      webhooks: { allowHttp: true, allowPrivate: true },
    },
    models,
  );
  await gateway.graphql("mutation ($url: String!) { createWebhookEndpoint(input: { url: $url }) { secret } }", {
    url: receiver.url,
  });
  let isFirst = true;
  gateway.provider.script = async function* play(request) {
    const isBusy = isFirst;
    isFirst = false;
    if (isBusy) throw new GatewayError("RATE_LIMITED", "slow down", { billed: "NO", retryAfterSeconds: 0 });
    if (request.model === "down-1") {
      // The requested wait is too long, so another model is used.
      throw new GatewayError("UPSTREAM_FAILED", "down", { billed: "NO", retryAfterSeconds: 60 });
    }
    yield* makeImages(request);
    if (request.model === METERED.id) yield { type: "usage", usage: USAGE };
  };
  for (const model of [ANY_SIZE_MODEL.id, "sturdy", "unknown-1"]) {
    await gateway.graphql(
      `mutation ($model: String!) {
        generateImages(input: { prompt: "a fox", size: "64x64", quality: LOW, model: $model }) { status }
      }`,
      { model },
    );
  }
  await receiver.next(({ event }) => event.type === "generation.succeeded");
  // A generation that waits for its next attempt, while another runs.
  receiver.answer = 500;
  const hold = holdCalls(gateway.provider);
  await gateway.graphql(
    `mutation { generateImages(input: { prompt: "a fox", size: "64x64", waitSeconds: 0 }) { id } }`,
  );
  await hold.called;
  const [endpoint] = (await gateway.graphql("{ webhookEndpoints { id } }")).body.data.webhookEndpoints;
  await gateway.graphql("mutation ($id: ID!) { sendTestWebhook(endpointId: $id) { status } }", { id: endpoint.id });
  labelsOf = labelsIn(await (await fetch(`${gateway.url}/metrics`)).text());
  hold.release();
});

afterAll(async () => {
  await gateway.close();
  await receiver.close();
});

function labelsIn(exposition: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const line of exposition.split("\n")) {
    const { name, labels = "" } = /^(?<name>pictograph_\w+)(?:\{(?<labels>.*)\})? /.exec(line)?.groups ?? {};
    if (name === undefined) continue;
    const known = found.get(name) ?? new Set();
    for (const [, label = ""] of labels.matchAll(/(\w+)="/g)) known.add(label);
    found.set(name, known);
  }
  return found;
}

/** Returns every metric in an expression with its selected labels, and the labels in its `by` clauses. */
function usesOf(expression: string): { readonly name: string; readonly labels: readonly string[] }[] {
  const grouped = [...expression.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/, */));
  return [...expression.matchAll(/(pictograph_\w+)(?:\{([^}]*)\})?/g)].map(([, name = "", selectors = ""]) => ({
    name,
    labels: [...grouped, ...[...selectors.matchAll(/(\w+)[=!]~?"/g)].map(([, label = ""]) => label)],
  }));
}

function problemsOf(expression: string): string[] {
  const uses = usesOf(expression);
  if (uses.length === 0) return [`no metric in ${expression}`];
  return uses.flatMap(({ name, labels }) => {
    const known = labelsOf.get(name);
    if (!known) return [`${name} is not written`];
    return labels
      .filter((label) => !known.has(label) && !ADDED_LABELS.includes(label))
      .map((label) => `${name} has no ${label}`);
  });
}

test("the check finds names of metrics and labels that do not exist", () => {
  expect(problemsOf("sum by (model) (pictograph_request_total)")).toEqual(["pictograph_request_total is not written"]);
  expect(problemsOf('sum by (model) (pictograph_requests_total{way="x"})')).toEqual([
    "pictograph_requests_total has no model",
    "pictograph_requests_total has no way",
  ]);
});

test("every metric and label of the alert rules exists", async () => {
  const { groups } = parse(await readFile("deploy/prometheus/alerts.yml", "utf8"));
  const expressions: string[] = groups.flatMap(({ rules }: { rules: { expr: string }[] }) =>
    rules.map(({ expr }) => expr),
  );

  expect(expressions.length).toBeGreaterThan(5);
  expect(expressions.flatMap(problemsOf)).toEqual([]);
});

test("every metric and label of the dashboard exists", async () => {
  const { panels } = JSON.parse(await readFile("deploy/grafana/pictograph.json", "utf8"));
  const expressions: string[] = panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => expr),
  );

  expect(expressions.length).toBeGreaterThan(10);
  expect(expressions.flatMap(problemsOf)).toEqual([]);
});

test("every metric of docs/metrics.md exists, and the document has every metric", async () => {
  const text = await readFile("docs/metrics.md", "utf8");
  const documented = [...text.matchAll(/`(pictograph_\w+)`/g)].map(([, name = ""]) => name);
  const written = [...labelsOf.keys()]
    .filter((name) => !/^pictograph_(process|nodejs)_/.test(name))
    .map((name) => name.replace(/_(bucket|sum|count)$/, ""));

  expect([...new Set(documented)].sort()).toEqual([...new Set(written)].sort());
});
