import { EventEmitter } from "node:events";
import { Client, type ClientConfig } from "pg";
import type { Logger } from "pino";
import type { Events, GenerationNotice } from "../../../ports/events.ts";
import { pause } from "./postgres-connections.ts";

const CHANNEL = "pictograph_generations";
/** How often an idle connection is checked. If the network drops a connection, neither side is told. */
const HEARTBEAT_MS = 10_000;

/** A connection that listens, and a promise that resolves when it is lost. */
interface Listening {
  readonly client: Client;
  readonly lost: Promise<void>;
}

/** The event of every notice to all listeners. No generation has this name. */
const ANY = Symbol("any generation");
/** Begins the payload of a notice about a generation that was just accepted. Other payloads are the id alone. */
const NEW = "+";

/** The parts of a notice that do not leave this process. */
type Kept = Pick<GenerationNotice, "worker" | "isRunning" | "end">;
/** A notice that this process sent. PostgreSQL delivers it back to this process too. */
type Echo = readonly [payload: string, kept: Kept];

/**
 * Sends notices through PostgreSQL to every process that listens, including this one. It uses one connection of its
 * own. While that connection is broken, notices are kept. When it is back, every subscriber is notified, because it may
 * have missed a notice.
 *
 * Several unsent notices about one generation are sent as one. The payload of a notice is only the generation's id.
 * When a process receives its own notice, it adds the other parts from its own record.
 */
export class PostgresEvents implements Events {
  readonly #config: ClientConfig;
  readonly #logger: Logger;
  readonly #emitter = new EventEmitter().setMaxListeners(0);
  /** For each payload, the combined content of its unsent notices, and the last end in them. */
  readonly #unsent = new Map<string, Kept>();
  /** The sent notices that have not come back, in the order in which PostgreSQL delivers them. */
  #echoes: Echo[] = [];
  readonly #closing = new AbortController();
  readonly #heartbeat: NodeJS.Timeout;
  #client: Client | undefined;
  #isSending = false;
  #sending: Promise<void> | undefined;

  private constructor(config: ClientConfig, logger: Logger) {
    this.#config = config;
    this.#logger = logger;
    this.#heartbeat = setInterval(() => this.#send(), HEARTBEAT_MS);
  }

  /** Listens once this resolves. */
  static async open(config: ClientConfig, logger: Logger): Promise<PostgresEvents> {
    const events = new PostgresEvents(config, logger);
    try {
      void events.#stayConnected(await events.#connect());
    } catch (error) {
      clearInterval(events.#heartbeat);
      throw error;
    }
    return events;
  }

  /**
   * Publishes a notice. A notice about an unrecorded end is delivered in this process only, because the database is
   * unavailable.
   */
  publish(notice: GenerationNotice): void {
    if (notice.isUnrecorded) {
      this.#deliver(notice);
      return;
    }
    const { generationId, isNew } = notice;
    const payload = isNew ? NEW + generationId : generationId;
    this.#unsent.set(payload, merged(this.#unsent.get(payload), notice));
    this.#send();
  }

  subscribe(generationId: string, listener: (notice: GenerationNotice) => void): () => void {
    return this.#listen(generationId, listener);
  }

  subscribeToAll(listener: (notice: GenerationNotice | undefined) => void): () => void {
    return this.#listen(ANY, listener);
  }

  #listen(name: string | symbol, listener: (notice: GenerationNotice) => void): () => void {
    this.#emitter.on(name, listener);
    return () => this.#emitter.off(name, listener);
  }

  #deliver(notice: GenerationNotice): void {
    this.#emitter.emit(ANY, notice);
    if (!notice.isNew) this.#emitter.emit(notice.generationId, notice);
  }

  /** Sends the remaining notices if possible, and stops delivering notices. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#closing.abort();
    await this.#sending;
    this.#emitter.removeAllListeners();
    await this.#client?.end();
  }

  async #connect(): Promise<Listening> {
    const client = new Client(this.#config);
    const { promise: lost, resolve } = Promise.withResolvers<void>();
    client.on("error", (err) => this.#logger.warn({ err }, "the connection for events broke"));
    client.on("end", resolve);
    const echoes: Echo[] = [];
    client.on("notification", ({ payload = "", processId }) => {
      // PostgreSQL returns a connection's own notices in the order in which it sent them.
      const [sent, kept] = (processId === ownProcessId(client) && echoes.shift()) || [];
      const isNew = payload.startsWith(NEW);
      this.#deliver({
        generationId: isNew ? payload.slice(NEW.length) : payload,
        ...(isNew && { isNew }),
        ...(sent === payload && kept),
      });
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${CHANNEL}`);
    } catch (error) {
      void client.end().catch(() => {});
      throw error;
    }
    this.#client = client;
    this.#echoes = echoes;
    return { client, lost };
  }

  async #stayConnected(first: Listening): Promise<void> {
    for (let listening: Listening | undefined = first; listening; listening = await this.#reconnect()) {
      await listening.lost;
      if (this.#client === listening.client) this.#client = undefined;
    }
  }

  async #reconnect(): Promise<Listening | undefined> {
    for (let attempt = 0; !this.#closing.signal.aborted; attempt++) {
      try {
        const listening = await this.#connect();
        if (this.#closing.signal.aborted) return void (await listening.client.end());
        for (const name of this.#emitter.eventNames()) {
          this.#emitter.emit(name, typeof name === "string" ? { generationId: name } : undefined);
        }
        this.#send();
        return listening;
      } catch (err) {
        this.#logger.debug({ err }, "could not connect for events yet");
        await pause(attempt, this.#closing.signal);
      }
    }
    return undefined;
  }

  /** Sends the unsent notices. An empty send checks whether the connection is alive. */
  #send(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#sending = this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    try {
      do {
        const client = this.#client;
        if (!client) return;
        await this.#sendBy(client);
      } while (this.#unsent.size > 0);
    } finally {
      // Reset in the same turn of the event loop, so that a notice published from now on starts a new send.
      this.#isSending = false;
    }
  }

  async #sendBy(client: Client): Promise<void> {
    const sent: readonly Echo[] = [...this.#unsent];
    const payloads = sent.map(([payload]) => payload);
    this.#unsent.clear();
    this.#echoes.push(...sent);
    try {
      await client.query("SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload", [CHANNEL, payloads]);
    } catch (err) {
      this.#logger.warn({ err }, "notices could not be sent; they will be sent when the connection is back");
      for (const payload of payloads) this.#unsent.set(payload, {});
      if (this.#client === client) this.#client = undefined;
      void client.end().catch(() => {});
    }
  }
}

/** PostgreSQL's process id of this connection. The library's types lack this property. */
function ownProcessId(client: Client): number | undefined {
  return (client as { readonly processID?: number }).processID;
}

/** Combines two notices with the same payload. */
function merged(earlier: Kept | undefined, { worker, isRunning, end }: Kept): Kept {
  const isFromOne = worker !== undefined && (!earlier || earlier.worker === worker);
  const isOfRun = isRunning && (!earlier || earlier.isRunning);
  return { ...(isFromOne && { worker }), ...(isOfRun && { isRunning }), ...(end && { end }) };
}
