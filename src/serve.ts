import type { Logger } from "pino";
import { listen } from "./api/http/server.ts";
import { readConfig } from "./config.ts";
import { createGateway } from "./gateway.ts";
import { createLogger } from "./log.ts";
import { onStopSignal } from "./stop-signals.ts";

/**
 * How long running generations may take once the process is told to stop. The stop as a whole may take 30 s, after which
 * supervisors kill by default (Kubernetes for one): what is cut off has to be recorded, and everyone answered, before.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
 */
const GRACE_MS = 27_000;
/** When the process exits whatever is left to do. What a store that is away could not be told, the next start finds out. */
const LAST_MOMENT_MS = 29_000;

/**
 * Serves the gateway until the process is told to stop, stops it and ends the process.
 *
 * @throws StartError when the configuration is wrong, or a part of the gateway cannot be used
 */
export async function serve(): Promise<void> {
  const config = readConfig();
  const logger = createLogger(config.logLevel);
  for (const warning of config.warnings) logger.warn(warning);
  const isToStop = Promise.withResolvers<void>();
  onStopSignal(() => {
    setTimeout(exitUnclosed, LAST_MOMENT_MS, logger).unref();
    isToStop.resolve();
  }, logger);

  const server = await listen(config.host, config.port);
  const gateway = await createGateway({ ...config, logger });
  server.serve(gateway.app, gateway.handleUpgrade);
  const { url } = server;
  const addresses = `GraphQL at ${url}/graphql, REST at POST ${url}/get-image`;
  createLogger("info").info({ url, ...gateway.facts }, `Pictograph is ready: ${addresses}`);

  await isToStop.promise;
  server.stopAccepting();
  await gateway.drain(GRACE_MS);
  await server.close();
  // What went wrong is logged. Nothing that was accepted depends on it.
  await gateway.close().catch(() => {});
  logger.info("stopped");
  process.exit(0);
}

function exitUnclosed(logger: Logger): void {
  logger.warn("stopped before everything was closed");
  process.exit(0);
}
