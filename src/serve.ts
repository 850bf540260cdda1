import type { Logger } from "pino";
import { type HttpServer, listen } from "./api/http/server.ts";
import { type Config, readConfig } from "./config.ts";
import { createGateway } from "./gateway.ts";
import { createLogger } from "./log.ts";
import { hostNameOf, isLoopback } from "./settings/host-name.ts";
import { onStopSignal } from "./stop-signals.ts";

/**
 * How long running generations may continue after the process is told to stop. Supervisors such as Kubernetes kill a
 * process after 30 s by default. Before that, the gateway must record what it cut off and answer every client.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
 */
const GRACE_MS = 27_000;
/** The most connections for metrics at once: several programs that read them every few seconds. */
const MAX_METRICS_CONNECTIONS = 100;
/**
 * The process exits this long after the stop signal, even if it has not closed everything. If the store was
 * unreachable, the next start finds the interrupted generations.
 */
const EXIT_AFTER_MS = 29_000;

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
    setTimeout(exitUnclosed, EXIT_AFTER_MS, logger).unref();
    stopRequested.resolve();
  }, logger);

  const server = await listen(config.host, config.port);
  const metricsServer = await listenForMetrics(config);
  const { url } = server;
  const isLocal = isLoopback(hostNameOf(new URL(url).host) ?? "") && config.role !== "worker";
  const gateway = await createGateway({ ...config, logger, ...(isLocal && { localUrl: url }) });
  server.serve(gateway.app, gateway.handleUpgrade);
  if (gateway.metricsApp) metricsServer?.serve(gateway.metricsApp);
  const addresses = `GraphQL at ${url}/graphql, REST at POST ${url}/get-image`;
  createLogger("info").info(
    { url, ...gateway.facts, metricsUrl: metricsServer?.url },
    `Pictograph is ready: ${addresses}`,
  );

  await stopRequested.promise;
  server.stopAccepting();
  await gateway.drain(GRACE_MS);
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

function exitUnclosed(logger: Logger): void {
  logger.warn("stopped before all parts of the gateway were closed");
  process.exit(0);
}
