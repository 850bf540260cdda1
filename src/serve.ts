import type { Logger } from "pino";
import { type HttpServer, listen } from "./api/http/server.ts";
import { type Config, readConfig } from "./config.ts";
import { createGateway } from "./gateway.ts";
import { createLogger } from "./log.ts";
import { hostNameOf, isLoopback } from "./settings/host-name.ts";
import { onStopSignal } from "./stop-signals.ts";

/**
 * What is kept of the time to stop, after the running generations had theirs: the gateway records what it cut off and
 * answers every client.
 */
const ANSWERING_MS = 3_000;
/** How long before its time is over the process exits, even if it has not closed everything. */
const EXIT_EARLY_MS = 1_000;
/** The most connections for metrics at once: several programs that read them every few seconds. */
const MAX_METRICS_CONNECTIONS = 100;

/**
 * Serves the gateway until the process is told to stop, stops it and ends the process.
 *
 * @throws StartError when the configuration is wrong or a part of the gateway cannot be opened
 */
export async function serve(): Promise<void> {
  const config = readConfig();
  const logger = createLogger(config.logLevel);
  for (const warning of config.warnings) logger.warn(warning);
  const stopRequested = Promise.withResolvers<void>();
  onStopSignal(() => {
    setTimeout(exitUnclosed, config.stopTimeoutMs - EXIT_EARLY_MS, logger).unref();
    stopRequested.resolve();
  }, logger);

  const server = await listen(config.host, config.port);
  const metricsServer = await listenForMetrics(config);
  const { url } = server;
  const isLocal = isLoopback(hostNameOf(new URL(url).host) ?? "") && config.role !== "worker";
  const gateway = await createGateway({ ...config, logger, ...(isLocal && { localUrl: url }) });
  try {
    await server.serve(gateway.app, gateway.handleUpgrade);
    if (gateway.metricsApp) await metricsServer?.serve(gateway.metricsApp);
  } catch (error) {
    // It may have begun generations that were queued.
    await gateway.drain(config.stopTimeoutMs - ANSWERING_MS);
    await gateway.close().catch(() => {});
    throw error;
  }
  const addresses = `GraphQL at ${url}/graphql, REST at POST ${url}/get-image`;
  createLogger("info").info(
    { url, ...gateway.facts, metricsUrl: metricsServer?.url },
    `Pictograph is ready: ${addresses}`,
  );

  await stopRequested.promise;
  server.stopAccepting();
  await gateway.drain(config.stopTimeoutMs - ANSWERING_MS);
  await Promise.all([server.close(), metricsServer?.close()]);
  // The failures are already logged. No accepted work depends on them.
  await gateway.close().catch(() => {});
  logger.info("stopped");
  process.exit(0);
}

/** @throws StartError when the gateway cannot listen on the port */
async function listenForMetrics({ host, metricsPort }: Config): Promise<HttpServer | undefined> {
  if (metricsPort === undefined) return undefined;
  return listen(host, metricsPort, MAX_METRICS_CONNECTIONS, "PICTOGRAPH_METRICS_PORT");
}

/** If the store was unreachable, the next start finds the interrupted generations. */
function exitUnclosed(logger: Logger): void {
  logger.warn("stopped before all parts of the gateway were closed");
  process.exit(0);
}
