import { type Command, type CommandContext, JSON_OPTION, PROJECT_OPTION } from "../command.ts";
import { usageFailure } from "../command-failure.ts";
import { toWhen } from "../generation.ts";
import { printable } from "../printable.ts";

const ENDPOINT = "id url events description isDisabled disabledReason createdAt";
const DELIVERY = "id event status createdAt nextAttemptAt attempts { at statusCode error }";
const LIST = `{ webhookEndpoints { ${ENDPOINT} } }`;
const CREATE = `mutation ($input: CreateWebhookEndpointInput!) {
  made: createWebhookEndpoint(input: $input) { secret endpoint { ${ENDPOINT} } }
}`;
const ROTATE = `mutation ($id: ID!) { made: rotateWebhookSecret(id: $id) { secret endpoint { ${ENDPOINT} } } }`;
const DELETE = "mutation ($id: ID!) { deleteWebhookEndpoint(id: $id) }";
const TEST = `mutation ($id: ID!) { delivery: sendTestWebhook(endpointId: $id) { ${DELIVERY} } }`;
const DELIVERIES = `query ($id: ID!) { webhookDeliveries(endpointId: $id, first: 50) { nodes { ${DELIVERY} } } }`;
const REDELIVER = `mutation ($id: ID!) { delivery: redeliverWebhook(deliveryId: $id) { ${DELIVERY} } }`;

interface Endpoint {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[] | null;
  readonly isDisabled: boolean;
  readonly createdAt: string;
}

interface Delivery {
  readonly id: string;
  readonly event: string;
  readonly status: string;
  readonly createdAt: string;
  readonly attempts: readonly { readonly statusCode: number | null; readonly error: string | null }[];
}

type Action = (context: CommandContext, subject: string) => Promise<void>;

const ACTIONS: Readonly<Record<string, Action>> = {
  create: (context, url) => {
    const { flags } = context;
    const events = flags.texts("event");
    const description = flags.text("description");
    const input = { url, ...(events.length > 0 && { events }), ...(description !== undefined && { description }) };
    return printSecret(context, CREATE, { input });
  },
  rotate: (context, id) => printSecret(context, ROTATE, { id }),
  delete: async (context, id) => {
    const { deleteWebhookEndpoint } = await call<{ deleteWebhookEndpoint: string }>(context, DELETE, { id });
    context.terminal.data(printable(deleteWebhookEndpoint));
  },
  test: async (context, id) => printDeliveries(context, [(await call<Delivered>(context, TEST, { id })).delivery]),
  redeliver: async (context, id) =>
    printDeliveries(context, [(await call<Delivered>(context, REDELIVER, { id })).delivery]),
  deliveries: async (context, id) => {
    const page = await call<{ webhookDeliveries: { nodes: readonly Delivery[] } }>(context, DELIVERIES, { id });
    printDeliveries(context, page.webhookDeliveries.nodes);
  },
};

interface Delivered {
  readonly delivery: Delivery;
}

const USAGE = "[create URL | ACTION ID] [options]";

export const webhooks: Command = {
  summary: "List, create, test and delete webhook endpoints",
  usage: USAGE,
  arguments: [0, 2],
  options: {
    event: {
      value: "EVENT",
      isRepeatable: true,
      description: "create: an event to send (default: all); can be repeated",
    },
    description: { value: "TEXT", description: "create: for people" },
    ...PROJECT_OPTION,
    ...JSON_OPTION,
  },
  details: [
    "An ACTION is rotate, delete, test, deliveries or redeliver. create and rotate print the secret of the endpoint. It cannot be read again. deliveries prints the newest 50. redeliver takes the ID of a delivery.",
  ],
  examples: [
    "pictograph webhooks create https://shop.example/hooks --event generation.succeeded",
    "pictograph webhooks",
  ],
  async run(context) {
    const [action, subject] = context.flags.arguments;
    if (action === undefined) return listEndpoints(context);
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (!act || subject === undefined) {
      throw usageFailure(`an argument is missing or wrong: pictograph webhooks ${USAGE}`);
    }
    await act(context, subject);
  },
};

async function call<Data>({ connect, interrupted }: CommandContext, document: string, variables = {}): Promise<Data> {
  await using connection = connect();
  return await connection.client.run<Data>(document, variables, { signal: interrupted });
}

async function listEndpoints(context: CommandContext): Promise<void> {
  const { flags, terminal } = context;
  const { webhookEndpoints } = await call<{ webhookEndpoints: readonly Endpoint[] }>(context, LIST);
  if (flags.isSet("json")) {
    for (const endpoint of webhookEndpoints) terminal.json(endpoint);
    return;
  }
  const rows = webhookEndpoints.map(({ id, url, events, isDisabled, createdAt }) => [
    printable(id, 40),
    isDisabled ? "disabled" : "active",
    toWhen(createdAt, terminal.isForPeople),
    printable(events?.join(",") ?? "all events", 200),
    printable(url),
  ]);
  if (rows.length > 0) terminal.table(["ID", "STATE", "CREATED", "EVENTS", "URL"], rows);
  else terminal.remark("There are no webhook endpoints.");
}

async function printSecret(context: CommandContext, document: string, variables: object): Promise<void> {
  const { flags, terminal } = context;
  const { made } = await call<{ made: { secret: string; endpoint: Endpoint } }>(context, document, variables);
  if (flags.isSet("json")) {
    terminal.json(made);
    return;
  }
  terminal.data(printable(made.secret));
  terminal.remark(
    terminal.style("dim", `Keep this secret of ${printable(made.endpoint.id)}: it cannot be read again.`),
  );
}

function printDeliveries({ flags, terminal }: CommandContext, deliveries: readonly Delivery[]): void {
  if (flags.isSet("json")) {
    for (const delivery of deliveries) terminal.json(delivery);
    return;
  }
  const rows = deliveries.map(({ id, event, status, createdAt, attempts }) => {
    const last = attempts.at(-1);
    const answer = last ? String(last.statusCode ?? last.error ?? "") : "";
    return [
      printable(id, 40),
      printable(event, 60),
      printable(status, 20),
      toWhen(createdAt, terminal.isForPeople),
      printable(answer),
    ];
  });
  if (rows.length > 0) terminal.table(["ID", "EVENT", "STATUS", "CREATED", "LAST ANSWER"], rows);
  else terminal.remark("There are no deliveries.");
}
