import { setTimeout as delay } from "node:timers/promises";
import type { CommandContext } from "../command.ts";
import { CommandFailure, EXIT } from "../command-failure.ts";
import type { Connection } from "../connection.ts";
import { ConnectionFailure, RefusedOperation } from "../gateway-client.ts";
import { type CliGeneration, GENERATION_FIELDS, hasEnded } from "../generation.ts";
import { printable } from "../printable.ts";

/** An event of a generation, as `watch --json` prints it. */
export type GenerationEvent =
  | { readonly __typename: "GenerationStatusChanged"; readonly generation: CliGeneration }
  | {
      readonly __typename: "PartialImageReady";
      readonly generation: { readonly id: string };
      readonly imageIndex: number;
      readonly partialIndex: number;
      readonly url: string;
    }
  | {
      readonly __typename: "ImageReady";
      readonly generation: { readonly id: string };
      readonly image: { readonly id: string; readonly index: number; readonly url: string };
    };

const EVENTS = `subscription ($id: ID) {
  generationEvents(id: $id) {
    __typename
    ... on GenerationStatusChanged { generation { ${GENERATION_FIELDS} } }
    ... on PartialImageReady { generation { id } imageIndex partialIndex url }
    ... on ImageReady { generation { id } image { id index url } }
  }
}`;
const GENERATION = `query ($id: ID!) { generation(id: $id) { ${GENERATION_FIELDS} } }`;

/** How long a connection that broke is tried again, in milliseconds. A restarted gateway is back within a minute. */
const RECONNECT_FOR_MS = 2 * 60_000;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;

/** How to follow a generation. */
export interface FollowOptions {
  /** How many previews of each image were asked for; 0 if that is not known. */
  readonly previews?: number;
  onEvent?(event: GenerationEvent): void;
}

/**
 * Reads a generation.
 *
 * @throws CommandFailure when there is none with this id
 */
export async function readGeneration({ client }: Connection, id: string, signal: AbortSignal): Promise<CliGeneration> {
  const { generation } = await client.run<{ generation: CliGeneration | null }>(GENERATION, { id }, { signal });
  if (!generation)
    throw new CommandFailure(`there is no generation ${printable(id, 60)}; \`pictograph list\` shows yours`);
  return generation;
}

/**
 * Yields the events of a generation, or of all of them from now on if there is no id. Connects again when the
 * connection breaks: a generation's events then start with its present state.
 */
export async function* eventsOf(
  { client }: Connection,
  id: string | undefined,
  { terminal }: CommandContext,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent> {
  let brokenAt: number | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    try {
      const events = client.subscribe<{ generationEvents: GenerationEvent }>(EVENTS, { id: id ?? null }, signal);
      for await (const { generationEvents } of events) {
        brokenAt = undefined;
        pauseMs = FIRST_PAUSE_MS;
        yield generationEvents;
      }
      return;
    } catch (error) {
      const mayPass =
        error instanceof ConnectionFailure || (error instanceof RefusedOperation && error.code === "OVERLOADED");
      if (!mayPass || signal.aborted) throw error;
      brokenAt ??= performance.now();
      if (performance.now() - brokenAt > RECONNECT_FOR_MS) throw error;
      terminal.progress("Connecting again");
      await delay(pauseMs, undefined, { signal });
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    }
  }
}

/**
 * Shows the progress of a generation until it has ended. If the gateway runs inside this process, Ctrl-C drains it: what
 * runs may finish.
 *
 * @throws CommandFailure with the id of the generation, when it continues without this command
 */
export async function followGeneration(
  context: CommandContext,
  connection: Connection,
  id: string,
  { previews = 0, onEvent }: FollowOptions = {},
): Promise<CliGeneration> {
  const { terminal, interrupted } = context;
  const drained = new AbortController();
  const onInterrupted = () => {
    terminal.note("Interrupted. What runs may finish; another Ctrl-C ends it at once.");
    connection.drain?.().finally(() => drained.abort());
  };
  const signal = connection.drain ? drained.signal : interrupted;
  if (connection.drain && interrupted.aborted) onInterrupted();
  else if (connection.drain) interrupted.addEventListener("abort", onInterrupted, { once: true });
  try {
    const progress = new Progress(context, previews);
    for await (const event of eventsOf(connection, id, context, signal)) {
      onEvent?.(event);
      progress.show(event);
      if (event.__typename === "GenerationStatusChanged" && hasEnded(event.generation)) return event.generation;
    }
    const generation = await readGeneration(connection, id, signal);
    if (hasEnded(generation)) return generation;
    throw new ConnectionFailure("the gateway has ended the stream of events");
  } catch (error) {
    if (interrupted.aborted) throw interruptedFailure(id, connection, error);
    if (!(error instanceof ConnectionFailure)) throw error;
    throw new CommandFailure(`${error.message}. ${continues(id)}`, EXIT.failure, { cause: error });
  } finally {
    interrupted.removeEventListener("abort", onInterrupted);
  }
}

/** Says that the user ended the command, and how to find the generation. */
export function interruptedFailure(id: string, { drain }: Pick<Connection, "drain">, cause: unknown): CommandFailure {
  const advice = drain
    ? `${printable(id)} is kept in the data directory; start a gateway there with \`pictograph\`, then: pictograph watch ${printable(id)} -o NAME`
    : continues(id);
  return new CommandFailure(`Interrupted. ${advice}`, EXIT.interrupted, { cause });
}

function continues(id: string): string {
  return `The generation continues; to get its images: pictograph watch ${printable(id)} -o NAME`;
}

/** Says in one line how far a generation is. */
class Progress {
  readonly #context: CommandContext;
  readonly #previews: number;
  readonly #stored = new Set<number>();
  #generation: CliGeneration | undefined;

  constructor(context: CommandContext, previews: number) {
    this.#context = context;
    this.#previews = previews;
  }

  show(event: GenerationEvent): void {
    let preview = "";
    if (event.__typename === "GenerationStatusChanged") {
      this.#generation = event.generation;
      for (const { index } of event.generation.images) this.#stored.add(index);
    } else if (event.__typename === "ImageReady") {
      this.#stored.add(event.image.index);
    } else if (event.__typename === "PartialImageReady") {
      const ofAll = this.#previews > 0 ? ` of ${this.#previews}` : "";
      preview = ` · preview ${event.partialIndex + 1}${ofAll}`;
    }
    if (!this.#generation) return;
    const { status, n, model } = this.#generation;
    const image = n === 1 ? "" : ` · image ${Math.min(this.#stored.size + 1, n)} of ${n}`;
    const what =
      status === "QUEUED" ? "Waiting for its turn" : `Drawing with ${printable(model.id, 60)}${image}${preview}`;
    this.#context.terminal.progress(what);
  }
}
