import { afterEach } from "@jest/globals";
import { type GatewayProcess, type GatewayProcessOptions, startGatewayProcess } from "./gateway-process.ts";

/** Ending several processes takes longer than Jest gives a hook by itself. */
const HOOK_TIMEOUT_MS = 60_000;

/**
 * Starts services for tests that end them by a signal or a crash. A service that is still running when its test ends is
 * killed.
 */
export function gatewayProcesses(): (
  env: Readonly<Record<string, string>>,
  options?: Pick<GatewayProcessOptions, "project">,
) => Promise<GatewayProcess> {
  const started: GatewayProcess[] = [];
  afterEach(async () => {
    for (const service of started.splice(0)) {
      await service.kill();
      // This rejects if the process has already exited, which is what these tests cause.
      await service.stop().catch(() => undefined);
    }
  }, HOOK_TIMEOUT_MS);
  return async (env, options = {}) => {
    const service = await startGatewayProcess({ ...options, env });
    started.push(service);
    return service;
  };
}
