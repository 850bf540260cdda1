import { GatewayError } from "../../errors.ts";
import type { Operation } from "../../ports/image-provider.ts";
import type { ScopedLimits } from "./applied-limits.ts";

/** The most names that an error lists. */
const MAX_NAMES = 10;

/** Which models a name stands for, by their ids: several for an alias with fallbacks. Empty for an unknown name. */
export type ModelsOf = (name: string) => readonly string[];

/** @throws FORBIDDEN when the project or the API key may not use the operation */
export function checkOperation(limits: readonly ScopedLimits[], operation: Operation): void {
  for (const { scope, limits: each } of limits) {
    if (each.operations === undefined || each.operations.includes(operation)) continue;
    const allowed = each.operations.join(", ") || "none";
    throw new GatewayError("FORBIDDEN", `${nounOf(scope)} may not use ${operation}; it may use: ${allowed}`);
  }
}

/** @throws MODEL_UNAVAILABLE naming what to use instead, when the project or the API key may not use the model */
export function checkModel(limits: readonly ScopedLimits[], modelId: string, modelsOf: ModelsOf): void {
  const refusing = limits.find((each) => !allows(each, modelId, modelsOf));
  if (!refusing) return;
  const names = (refusing.limits.models ?? []).slice(0, MAX_NAMES).join(", ") || "none";
  const message = `${nounOf(refusing.scope)} may not use ${modelId}; it may use: ${names}`;
  throw new GatewayError("MODEL_UNAVAILABLE", message, { field: "model" });
}

/** Whether the project and the API key may use the model. */
export function allowsModel(limits: readonly ScopedLimits[], modelId: string, modelsOf: ModelsOf): boolean {
  return limits.every((each) => allows(each, modelId, modelsOf));
}

/**
 * Compares the models that the names select today, so that an alias or a retired name allows the models that replace
 * it.
 */
function allows({ limits: { models } }: ScopedLimits, modelId: string, modelsOf: ModelsOf): boolean {
  return models === undefined || models.includes(modelId) || models.some((name) => modelsOf(name).includes(modelId));
}

function nounOf(scope: ScopedLimits["scope"]): string {
  return scope === "PROJECT" ? "this project" : "this API key";
}
