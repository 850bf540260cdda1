import { pino } from "pino";
import type { SqlRecords } from "../../../src/adapters/sql/sql-records.ts";
import { StorageBudget, type StorageBudgetOptions } from "../../../src/service/images/storage-budget.ts";

/** A budget that no test exceeds, with the options that a test sets. */
export function storageBudget(
  { derivatives }: Pick<SqlRecords, "derivatives">,
  objects: StorageBudgetOptions["objects"],
  changes: Partial<StorageBudgetOptions> = {},
): StorageBudget {
  return new StorageBudget({
    derivatives,
    objects,
    maxDerivativeBytes: undefined,
    minFreeBytes: 0,
    logger: pino({ enabled: false }),
    now: () => new Date(),
    ...changes,
  });
}
