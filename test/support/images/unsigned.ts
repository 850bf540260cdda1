import { pino } from "pino";
import { NO_METRICS } from "../../../src/ports/metrics.ts";
import type { ObjectStore } from "../../../src/ports/object-store.ts";
import { Signing } from "../../../src/service/images/signing.ts";

/** The signing of a gateway without a certificate. */
export function unsigned(objects: ObjectStore): Signing {
  return new Signing({
    signer: undefined,
    objects,
    metrics: NO_METRICS,
    logger: pino({ enabled: false }),
    now: () => new Date(),
  });
}
