import { pino } from "pino";
import type { AppOptions } from "../../../src/api/http/app.ts";
import { Arrivals } from "../../../src/api/http/bodies/arrivals.ts";
import { OperationsInFlight } from "../../../src/lifecycle.ts";
import { NO_METRICS } from "../../../src/ports/metrics.ts";
import { NO_TRACES } from "../../../src/ports/traces.ts";

/** Options for an app that answers everybody, without limits or a log. */
export function appOptions(options: Partial<AppOptions> = {}): AppOptions {
  return {
    publicUrl: undefined,
    hostNames: undefined,
    corsOrigins: "*",
    hasPaidProvider: false,
    trustProxy: undefined,
    addressLimits: { requestsPerMinute: undefined, connections: undefined, uploads: undefined },
    now: () => new Date(),
    logger: pino({ enabled: false }),
    operations: new OperationsInFlight(),
    arrivals: new Arrivals(),
    metrics: NO_METRICS,
    traces: NO_TRACES,
    ...options,
  };
}
