import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { typeid } from "typeid-js";
import { openSqliteRecords } from "../src/adapters/sql/sqlite/sqlite.ts";
import { HttpWebhookSender } from "../src/adapters/webhook-sender/http-webhook-sender.ts";
import { NO_METRICS } from "../src/ports/metrics.ts";
import { NO_TRACES } from "../src/ports/traces.ts";
import { ImageLinks } from "../src/service/images/image-links.ts";
import { WebhookAttempts } from "../src/service/webhooks/webhook-attempts.ts";
import { WebhookDeliverer } from "../src/service/webhooks/webhook-deliverer.ts";
import { WebhookSecrets } from "../src/service/webhooks/webhook-secrets.ts";
import { accept, orderOf } from "../test/contracts/record-samples.ts";
import { startWebhookReceiver } from "../test/support/network/webhook-receiver.ts";
import { type Row, timed } from "./row.ts";

const EVENTS = 5000;
/** How many generations end at the same time. */
const AT_ONCE = 64;
const SIGNING_SECRET = "a secret of the bench";

/**
 * Measures how many events a second the embedded store accepts, and how many are delivered to a receiver in this
 * process.
 */
export async function measure(): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  await using receiver = await startWebhookReceiver();
  const records = await openSqliteRecords(join(directory, "pictograph.db"));
  const { webhooks } = records;
  const now = () => new Date();
  const secrets = new WebhookSecrets([SIGNING_SECRET]);
  const endpointId = typeid("wh").toString();
  const endpoint = {
    id: endpointId,
    projectId: "proj_public",
    url: receiver.url,
    rootUrl: "https://pictures.example",
    secrets: [{ sealed: secrets.seal(secrets.create(), endpointId) }],
    isDisabled: false,
    createdAt: now(),
  };
  const entry = { id: typeid("log").toString(), actor: "bench", action: "create", changes: [], createdAt: now() };
  await webhooks.create(endpoint, 1, entry);
  const ids = Array.from({ length: EVENTS }, () => typeid("gen").toString());
  for (const id of ids) await accept(records, orderOf(id));

  const storingMs = await timed(async () => {
    const left = ids.values();
    const failure = { code: "INTERRUPTED", message: "", retryable: false, billed: "NO" } as const;
    const worker = async () => {
      for (const id of left) await records.cancel(id, failure, now());
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  });
  const attempts = new WebhookAttempts({
    webhooks,
    records,
    sender: new HttpWebhookSender({ allowHttp: true, allowPrivate: true }),
    secrets,
    links: new ImageLinks([SIGNING_SECRET], 7200, now),
    rootUrl: undefined,
    metrics: NO_METRICS,
    traces: NO_TRACES,
    logger: pino({ enabled: false }),
    now,
  });
  const deliverer = new WebhookDeliverer({ webhooks, attempts, logger: pino({ enabled: false }), now });
  const deliveringMs = await timed(async () => {
    deliverer.start();
    await receiver.next(() => receiver.received.length >= EVENTS);
  });
  await deliverer.stop(new AbortController().signal);
  const distinct = new Set(receiver.received.map(({ id }) => id)).size;
  await records.close();
  await rm(directory, { recursive: true });
  const isComplete = distinct === EVENTS ? "all" : `only ${distinct}`;
  return [
    {
      figure: "ends of generations stored with their webhooks, 64 at once, SQLite",
      measured: perSecond(storingMs),
      target: "500 a second",
      comparedWith: "",
    },
    {
      figure: `webhooks delivered to one receiver on this machine, ${isComplete} of ${EVENTS}`,
      measured: perSecond(deliveringMs),
      target: "none",
      comparedWith: "",
    },
  ];
}

function perSecond(ms: number): string {
  return `${Math.round((EVENTS / ms) * 1000)} a second`;
}
