import { setImmediate } from "node:timers/promises";
import type { GatewayOptions } from "../../../src/gateway.ts";
import type { GenerateRequest, ModelDescription, ProviderEvent } from "../../../src/ports/image-provider.ts";
import { type RunningGateway, startGateway } from "./gateway.ts";
import { makeImages, SCRIPTED_MODEL, ScriptedProvider } from "./scripted-provider.ts";

/** Longer than anything that a test waits for. */
const POLL_MS = 20_000;

/** Makes every size that may be requested, so that small requests are cheap. */
export const ANY_SIZE_MODEL: ModelDescription = {
  ...SCRIPTED_MODEL,
  id: "any-size-1",
  sizes: { kind: "bounds", multipleOf: 1, minSide: 64, maxLongSide: 3840, minPixels: 1, maxPixels: 3840 * 3840 },
};

/** The same model, which also edits images. */
export const ANY_SIZE_EDITOR: ModelDescription = {
  ...ANY_SIZE_MODEL,
  id: "any-size-editor-1",
  operations: ["GENERATE", "EDIT"],
};

export interface ScriptedGateway extends RunningGateway {
  readonly provider: ScriptedProvider;
}

/** A gateway whose default model is a scripted provider's first. */
export async function startScriptedGateway(
  options: GatewayOptions = {},
  models: readonly ModelDescription[] = [ANY_SIZE_MODEL],
): Promise<ScriptedGateway> {
  const provider = new ScriptedProvider(models);
  const defaultModel = models[0]?.id ?? "";
  const gateway = await startGateway({ providers: [provider], defaultModel, ...options });
  return { ...gateway, provider };
}

export interface Hold {
  /** Resolves when the provider has been called. */
  readonly called: Promise<void>;
  /** Lets the provider answer. */
  release(): void;
}

/** Makes the provider hold its calls from now on, until the hold is released. */
export function holdCalls(provider: ScriptedProvider): Hold {
  const called = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  provider.script = async function* held(request: GenerateRequest, signal): AsyncIterable<ProviderEvent> {
    called.resolve();
    await Promise.race([released.promise, aborted(signal)]);
    yield* makeImages(request);
  };
  return { called: called.promise, release: released.resolve };
}

/** Rejects with the signal's reason when it aborts. */
export function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Repeats a request until its answer is accepted. Each attempt starts after the one before has ended. */
export async function poll<Answer>(
  ask: () => Promise<Answer>,
  isAwaited: (answer: Answer) => boolean,
): Promise<Answer> {
  const giveUpAt = performance.now() + POLL_MS;
  for (;;) {
    const answer = await ask();
    if (isAwaited(answer)) return answer;
    if (performance.now() > giveUpAt) throw new Error(`the awaited answer did not come in ${POLL_MS} ms`);
    await setImmediate();
  }
}
