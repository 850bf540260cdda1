import { createRequire } from "node:module";
import { type GatewayProcess, startGatewayProcess } from "../support/processes/gateway-process.ts";
import { startStrictImageApi } from "../support/vendors/strict-image-api.ts";
import type { Attack, Target } from "./attack.ts";

export interface AttackedGateway extends AsyncDisposable {
  readonly target: Target;
  readonly process: GatewayProcess;
}

const { scripts } = createRequire(import.meta.url)("../../package.json") as { scripts: { start: string } };
/** The memory settings of `npm start`. */
const START_FLAGS = scripts.start.match(/--(max|heap|no)-\S+/g) ?? [];
const START_ENVIRONMENT = { MALLOC_ARENA_MAX: "1" };

/** Starts the gateway for an attack, with a heap as small as a careful operator gives it. */
export async function startTarget({ env = {}, isPaid = false }: Attack): Promise<AttackedGateway> {
  const provider = isPaid ? await startStrictImageApi() : undefined;
  provider?.respondWith("hang");
  const process = await startGatewayProcess({
    env: {
      ...START_ENVIRONMENT,
      ...env,
      ...(provider && { OPENAI_API_KEY: provider.apiKey, OPENAI_BASE_URL: provider.baseUrl }),
    },
    nodeFlags: [...START_FLAGS, "--max-old-space-size=512"],
  });
  return {
    target: { url: process.url, provider },
    process,
    async [Symbol.asyncDispose]() {
      await process.kill();
      // It rejects if an attack has ended the process.
      await process.stop().catch(() => undefined);
      await provider?.close();
    },
  };
}
