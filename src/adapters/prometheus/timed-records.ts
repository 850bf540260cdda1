import { isPromise } from "node:util/types";
import type { Metrics } from "../../ports/metrics.ts";
import type { Records } from "../../ports/records.ts";

/** Returns the same records; each call that returns a promise is measured until the promise settles. */
export function timedRecords(records: Records, metrics: Pick<Metrics, "storeAnswered">): Records {
  const timed = new Map<PropertyKey, unknown>();
  return new Proxy(records, {
    get(target, name) {
      const known = timed.get(name);
      if (known) return known;
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      const measured = (...parameters: unknown[]) => {
        const startedAt = performance.now();
        const result: unknown = member.apply(target, parameters);
        if (!isPromise(result)) return result;
        const end = () => metrics.storeAnswered(String(name), performance.now() - startedAt);
        result.then(end, end);
        return result;
      };
      timed.set(name, measured);
      return measured;
    },
  });
}
