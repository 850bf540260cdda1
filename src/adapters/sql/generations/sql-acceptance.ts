import type { Kysely } from "kysely";
import { GatewayError } from "../../../errors.ts";
import { dayOf } from "../../../ports/projects/budget-windows.ts";
import type {
  AcceptanceTerms,
  AcceptedGeneration,
  Generation,
  GenerationOrder,
  Refusal,
} from "../../../ports/records.ts";
import { Batches } from "../../batches.ts";
import type { Database } from "../database.ts";
import type { SearchEngine } from "../engine.ts";
import { inParts, runPrepared } from "../prepared.ts";
import type { SqlRates } from "../projects/sql-rates.ts";
import type { SqlLedger } from "../spending/sql-ledger.ts";
import type { WebhookOutbox } from "../webhooks/webhook-outbox.ts";
import { toGeneration, toGenerationRow } from "./rows.ts";
import { termsOf } from "./search-terms.ts";

export interface SqlAcceptanceOptions {
  readonly database: Kysely<Database>;
  readonly search: SearchEngine;
  readonly ledger: SqlLedger;
  readonly rates: SqlRates;
  readonly outbox: WebhookOutbox;
}

interface Request {
  readonly order: GenerationOrder;
  readonly terms: AcceptanceTerms;
}

type Acceptance = AcceptedGeneration | Refusal;

/** Orders cannot be accepted together, because one of them may have to be refused. */
class NotTogether extends Error {}

/**
 * Accepts orders. Those of one sender that wait at the same moment are accepted in one transaction if all of them can
 * be. Otherwise each has its own, so a refusal undoes nothing of others.
 */
export class SqlAcceptance {
  readonly #options: SqlAcceptanceOptions;
  /** The orders under way that may be accepted together, by their sender and its terms. */
  readonly #senders = new Map<string, Batches<Request, Acceptance>>();

  constructor(options: SqlAcceptanceOptions) {
    this.#options = options;
  }

  /** @see Records.accept */
  accept(order: GenerationOrder, terms: AcceptanceTerms): Promise<Acceptance> {
    const request = { order, terms };
    const { projectId, apiKeyId, idempotency, createdAt } = order;
    const { maxQueued, dailyBudget, rates = [] } = terms;
    // Whether these are refused depends on the order before.
    if (idempotency || rates.length > 0) return this.#acceptAlone(request);
    // Those of one day are held in the same windows.
    const sender = JSON.stringify([projectId, apiKeyId, maxQueued, dailyBudget, dayOf(createdAt)]);
    const batches = this.#senders.get(sender) ?? this.#createBatches(sender);
    return batches.add(request);
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

  /** @throws NotTogether if one of them may have to be refused */
  #acceptTogether(requests: readonly Request[]): Promise<readonly Acceptance[]> {
    const { database, ledger, outbox } = this.#options;
    const orders = requests.map(({ order }) => order);
    const { order: first, terms } = requests[0]!;
    return outbox.within(database, async (transaction) => {
      const gate = await ledger.readGate(transaction, first, terms);
      if (gate.queued + orders.length > terms.maxQueued) throw new NotTogether();
      const held = await ledger.hold(transaction, orders, gate);
      if ("refusal" in held) throw new NotTogether();
      const generations = await this.#insert(transaction, orders);
      if (generations.length < orders.length) throw new NotTogether();
      await ledger.enter(transaction, orders, gate);
      await ledger.tellOfThresholds(transaction, first, gate, held.windows);
      return generations.map((generation) => ({ generation, isNew: true, rates: [] }));
    });
  }

  #acceptAlone({ order, terms }: Request): Promise<Acceptance> {
    const { database, ledger, rates: counts, outbox } = this.#options;
    const { projectId, idempotency } = order;
    const { rates: rules = [] } = terms;
    return outbox.within(database, async (transaction) => {
      if (idempotency) await forgetExpiredKey(transaction, projectId, idempotency.key, order.createdAt);
      const findEarlier = async (): Promise<AcceptedGeneration | undefined> => {
        const earlier = idempotency && (await findByKey(transaction, projectId, idempotency.key));
        return earlier && { generation: toGeneration(earlier), isNew: false, rates: [] };
      };
      const earlier = await findEarlier();
      if (earlier) return earlier;
      const gate = await ledger.readGate(transaction, order, terms);
      if (gate.queued >= terms.maxQueued) return "QUEUE_FULL";
      const rates = await counts.count(transaction, order, rules, gate.at);
      // While this waited for a lock, the same request may have been accepted, and may have used up the limit.
      if ("exceeded" in rates) return (await findEarlier()) ?? rates;
      const held = await ledger.hold(transaction, [order], gate);
      if ("refusal" in held) {
        const { refusal } = held;
        await counts.uncount(transaction, order, rules);
        const sameRequest = await findEarlier();
        if (!sameRequest) await ledger.tellOfRefusal(transaction, order, gate, refusal);
        return sameRequest ?? refusal;
      }
      const [generation] = await this.#insert(transaction, [order]);
      if (generation) {
        await ledger.enter(transaction, [order], gate);
        await ledger.tellOfThresholds(transaction, order, gate, held.windows);
        return { generation, isNew: true, rates };
      }
      await counts.uncount(transaction, order, rules);
      await ledger.release(transaction, order, gate);
      const sameInstant = await findEarlier();
      if (!sameInstant) throw new Error("a generation was neither stored nor found");
      return sameInstant;
    });
  }

  /**
   * Stores orders as generations, with the terms by which they are found.
   *
   * @returns those that were stored: all but those whose idempotency key was used at the same instant
   */
  async #insert(transaction: Kysely<Database>, orders: readonly GenerationOrder[]): Promise<readonly Generation[]> {
    const stored = new Set<string>();
    const rows = orders.map((order) => toGenerationRow({ ...order, status: "QUEUED" }));
    for (const part of inParts(rows)) {
      const inserted = await runPrepared(transaction, "insert generations", { rows: part }, (prepared, values) =>
        prepared
          .insertInto("generations")
          .values(values.rows)
          .onConflict((conflict) => conflict.columns(["project_id", "idempotency_key"]).doNothing())
          .returning("id"),
      );
      for (const { id } of inserted.rows) stored.add(id);
    }
    await this.#enterTerms(
      transaction,
      orders.filter(({ id }) => stored.has(id)),
    );
    return rows.filter(({ id }) => stored.has(id)).map(toGeneration);
  }

  async #enterTerms(transaction: Kysely<Database>, orders: readonly GenerationOrder[]): Promise<void> {
    const { search } = this.#options;
    const entries = orders.map((order) => ({
      generation_id: order.id,
      project_id: order.projectId,
      end_user: order.endUser ?? null,
      terms: termsOf(order).join(" "),
    }));
    for (const rows of inParts(entries)) {
      await runPrepared(transaction, "enter terms", { rows }, (prepared, values) =>
        prepared
          .insertInto("search_entries")
          .values(values.rows.map((row) => ({ ...row, terms: search.toColumn(row.terms) }))),
      );
    }
  }
}

/** Finds the row of a project's generation by its idempotency key, even if the key has expired. */
export function findByKey(database: Kysely<Database>, projectId: string, key: string) {
  return database
    .selectFrom("generations")
    .selectAll()
    .where("project_id", "=", projectId)
    .where("idempotency_key", "=", key)
    .executeTakeFirst();
}

async function forgetExpiredKey(database: Kysely<Database>, projectId: string, key: string, at: Date): Promise<void> {
  await database
    .updateTable("generations")
    .set({ idempotency_key: null })
    .where("project_id", "=", projectId)
    .where("idempotency_key", "=", key)
    .where("idempotency_expires_at", "<=", at.getTime())
    .execute();
}
