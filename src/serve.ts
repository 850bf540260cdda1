import { listen } from "./api/http/server.ts";
import { readConfig } from "./config.ts";
import { createGateway } from "./gateway.ts";
import { createLogger } from "./log.ts";

/** How long running generations may take once the process is told to stop. */
const GRACE_MS = 20_000;
/** A supervisor kills after 30 s. What a store that is away could not be told by then, the next start finds out. */
const LAST_MOMENT_MS = 28_000;

/**
 * Serves the gateway until the process is told to stop.
 *
 * @throws StartError when the configuration is wrong, or a part of the gateway cannot be used
 */
export async function serve(): Promise<void> {
  const config = readConfig();
  const logger = createLogger(config.logLevel);
  for (const warning of config.warnings) logger.warn(warning);
  const server = await listen(config.host, config.port);
  const gateway = await createGateway({ ...config, logger });
  server.serve(gateway.app, gateway.handleUpgrade);
  const stop = async (signal: NodeJS.Signals) => {
    logger.info({ signal }, "stopping");
    setTimeout(() => process.exit(0), LAST_MOMENT_MS).unref();
    server.stopAccepting();
    await gateway.drain(GRACE_MS);
    await server.close();
    await gateway.close();
    process.exit(0);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);

  const { url } = server;
  createLogger("info").info({ url }, `Pictograph is ready: GraphQL at ${url}/graphql, REST at POST ${url}/get-image`);
}
