import type { Kysely } from "kysely";
import { GatewayError } from "../../../errors.ts";
import type {
  AcceptanceTerms,
  AcceptedGeneration,
  Claim,
  Generation,
  GenerationOrder,
  Refusal,
} from "../../../ports/records.ts";
import { Batches } from "../../batches.ts";
import type { Database, GenerationRow } from "../database.ts";
import { inParts, type Place, PreparedStatement, placeRows } from "../prepared.ts";
import { minuteOf, type SqlRates } from "../projects/sql-rates.ts";
import type { Gate, SqlLedger } from "../spending/sql-ledger.ts";
import type { WebhookOutbox } from "../webhooks/webhook-outbox.ts";
import { findRepeated, forgetKeys } from "./idempotency-keys.ts";
import { GENERATION_COLUMNS, toGenerationRow } from "./rows.ts";
import type { SearchEntries } from "./search-entries.ts";

export interface SqlAcceptanceOptions {
  readonly database: Kysely<Database>;
  readonly entries: SearchEntries;
  readonly ledger: SqlLedger;
  readonly rates: SqlRates;
  readonly outbox: WebhookOutbox;
  readonly hasRowLocks: boolean;
}

interface Request {
  readonly order: GenerationOrder;
  readonly terms: AcceptanceTerms;
  /** Set if the generation starts at once. */
  readonly claim: Claim | undefined;
}

type Acceptance = AcceptedGeneration | Refusal;

/**
 * The reason why orders were not stored: the refusal, or `undefined` if an idempotency key was used at the same
 * instant.
 */
interface NotStored {
  readonly refusal: Refusal | undefined;
  readonly gate: Gate;
}

/** Orders cannot be accepted together if one of them may have to be refused. */
class NotTogether extends Error {}

/**
 * Accepts orders. Waiting orders of one sender are accepted in one transaction if all of them can be. Otherwise each
 * has its own transaction, so that a refusal undoes nothing of the others.
 *
 * A transaction locks rows in this order: first the generations whose idempotency keys it removes, then the counts of
 * rate limits, then the rows named at {@link SqlLedger}.
 */
export class SqlAcceptance {
  readonly #options: SqlAcceptanceOptions;
  /** The orders in progress that may be accepted together, by their sender and its limits. */
  readonly #senders = new Map<string, Batches<Request, Acceptance>>();

  constructor(options: SqlAcceptanceOptions) {
    this.#options = options;
  }

  /** @see Records.accept */
  accept(order: GenerationOrder, terms: AcceptanceTerms, claim?: Claim): Promise<Acceptance> {
    const { projectId, apiKeyId, createdAt } = order;
    const { maxQueued, dailyBudget, rates } = terms;
    // Orders of one minute count in the same windows, of rate limits and of budgets.
    const sender = JSON.stringify([projectId, apiKeyId, maxQueued, dailyBudget, rates, minuteOf(createdAt)]);
    const batches = this.#senders.get(sender) ?? this.#createBatches(sender);
    return batches.add({ order, terms, claim });
  }

  #createBatches(sender: string): Batches<Request, Acceptance> {
    const batches = new Batches<Request, Acceptance>({
      together: (requests) => this.#acceptTogether(requests),
      alone: (request) => this.#acceptAlone(request),
      // If the store did not answer, the orders may be stored.
      mayRepeat: (error) => !(error instanceof GatewayError),
      onIdle: () => this.#senders.delete(sender),
    });
    this.#senders.set(sender, batches);
    return batches;
  }

  /** @throws NotTogether if one of them may have to be refused, or two of them have the same idempotency key */
  async #acceptTogether(requests: readonly Request[]): Promise<readonly Acceptance[]> {
    const { database, entries, outbox, hasRowLocks } = this.#options;
    await entries.makeRoom();
    const orders = requests.map(({ order }) => order);
    return outbox.within(database, async (transaction) => {
      const { earlier, expiredIds } = await findRepeated(transaction, orders);
      await forgetKeys(transaction, expiredIds, hasRowLocks);
      const fresh = requests.filter((_, index) => !earlier[index]);
      const stored = await this.#store(transaction, fresh, requests[0]!.terms);
      if ("gate" in stored) throw new NotTogether();
      const accepted = stored.values();
      return earlier.map((generation) => (generation ? repetitionOf(generation) : accepted.next().value!));
    });
  }

  async #acceptAlone(request: Request): Promise<Acceptance> {
    const { order, terms } = request;
    const { database, entries, ledger, outbox, hasRowLocks } = this.#options;
    await entries.makeRoom();
    return outbox.within(database, async (transaction) => {
      const { earlier, expiredIds } = await findRepeated(transaction, [order]);
      if (earlier[0]) return repetitionOf(earlier[0]);
      await forgetKeys(transaction, expiredIds, hasRowLocks);
      const stored = await this.#store(transaction, [request], terms);
      if (!("gate" in stored)) return stored[0]!;
      // While this waited for a lock, the same request may have been accepted, and may have used up the limit.
      const { earlier: sameRequest } = await findRepeated(transaction, [order]);
      if (sameRequest[0]) return repetitionOf(sameRequest[0]);
      const { refusal, gate } = stored;
      if (!refusal) throw new Error("a generation was neither stored nor found");
      await ledger.tellOfRefusal(transaction, order, gate, refusal);
      return refusal;
    });
  }

  /**
   * Counts, holds and stores orders that repeat no earlier one.
   *
   * @param requests of one sender. If there are several, and they are not stored, the transaction has to be rolled back
   */
  async #store(
    transaction: Kysely<Database>,
    requests: readonly Request[],
    terms: AcceptanceTerms,
  ): Promise<readonly AcceptedGeneration[] | NotStored> {
    const orders = requests.map(({ order }) => order);
    const { ledger, rates: counts } = this.#options;
    const { maxQueued, rates: rules = [] } = terms;
    const [first] = orders;
    if (!first) return [];
    const gate = await ledger.readGate(transaction, first, terms);
    if (gate.queued + orders.length > maxQueued) return { refusal: "QUEUE_FULL", gate };
    const rates = await counts.count(transaction, orders, rules, gate.at);
    if ("exceeded" in rates) return { refusal: rates, gate };
    const held = await ledger.hold(transaction, orders, gate);
    if ("refusal" in held) {
      await counts.uncount(transaction, orders, rules);
      return { refusal: held.refusal, gate };
    }
    const generations = await this.#insert(transaction, requests);
    if (generations.length < orders.length) {
      await counts.uncount(transaction, orders, rules);
      await ledger.release(transaction, orders, gate);
      return { refusal: undefined, gate };
    }
    await ledger.enter(transaction, orders, gate);
    await ledger.tellOfThresholds(transaction, first, gate, held.windows);
    return generations.map((generation, index) => ({ generation, isNew: true, rates: rates[index] ?? [] }));
  }

  /**
   * Stores orders as generations, with the terms by which they are found.
   *
   * @returns those that were stored: all but those whose idempotency key was used at the same instant
   */
  async #insert(transaction: Kysely<Database>, requests: readonly Request[]): Promise<readonly Generation[]> {
    const stored = new Set<string>();
    for (const part of inParts(requests)) {
      const rows = part.map(({ order, claim }) => toGenerationRow({ ...order, ...begunBy(claim) }, claim));
      const inserted = await INSERT_GENERATIONS.run(transaction, rows, { rows: rows.length });
      for (const { id } of inserted.rows) stored.add(id);
    }
    const accepted = requests.filter(({ order }) => stored.has(order.id));
    await this.#options.entries.add(
      transaction,
      accepted.map(({ order }) => order),
    );
    return accepted.map(toAccepted);
  }
}

const INSERT_GENERATIONS = new PreparedStatement(
  (database, place: Place<readonly GenerationRow[]>, { rows }: { readonly rows: number }) =>
    database
      .insertInto("generations")
      .values(placeRows(place, GENERATION_COLUMNS, rows))
      .onConflict((conflict) =>
        conflict.columns(["project_id", "idempotency_key"]).where("idempotency_key", "is not", null).doNothing(),
      )
      .returning("id"),
  { keepsPlan: true },
);

/** The generation of an order that was just stored, as it would be read: without properties that are `undefined`. */
function toAccepted({ order, claim }: Request): Generation {
  const given = Object.entries(order).filter(([, value]) => value !== undefined);
  return { ...(Object.fromEntries(given) as unknown as GenerationOrder), ...begunBy(claim) };
}

function begunBy(claim: Claim | undefined): Pick<Generation, "status" | "startedAt"> {
  return claim ? { status: "RUNNING", startedAt: claim.at } : { status: "QUEUED" };
}

/** The answer to an order that repeats an earlier one. It counts against no limit. */
function repetitionOf(generation: Generation): AcceptedGeneration {
  return { generation, isNew: false, rates: [] };
}
