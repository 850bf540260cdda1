import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { Lifecycle } from "../lifecycle.ts";
import { NO_TRACES, type Traces } from "../ports/traces.ts";

/**
 * Opens the traces that the configuration asks for. Call it before the parts whose last spans should be sent when the
 * gateway closes.
 *
 * @param version the gateway's version, which every span names
 */
export async function openTraces(
  { traces }: Pick<Config, "traces">,
  version: string,
  logger: Logger,
  lifecycle: Lifecycle,
): Promise<Traces> {
  if (traces === undefined) return NO_TRACES;
  if (traces !== "host") {
    const { startTraceExport } = await import("../adapters/opentelemetry/trace-export.ts");
    lifecycle.on("closed", startTraceExport({ ...traces, logger }));
  }
  const { OpenTelemetryTraces } = await import("../adapters/opentelemetry/open-telemetry-traces.ts");
  return new OpenTelemetryTraces(version);
}
