import { computed, signal } from "@preact/signals";
import { request } from "../api/client.ts";
import { type StudioError, toStudioError } from "../api/errors.ts";
import { key, keyState } from "../api/key.ts";
import { GatewayDocument, type GatewayQuery } from "../generated/graphql.ts";

export type Viewer = GatewayQuery["viewer"];
export type Model = GatewayQuery["models"][number];

/** Who calls. `undefined` until the gateway has answered. */
export const viewer = signal<Viewer | undefined>(undefined);
export const models = signal<readonly Model[]>([]);
/** Why the gateway could not be asked; `undefined` if it could. */
export const loadFailure = signal<StudioError | undefined>(undefined);

export const defaultModel = computed(() => models.value.find(({ isDefault }) => isDefault) ?? models.value[0]);
/** Whether everything is drawn by the built-in illustrator, so that nothing costs anything. */
export const isFree = computed(
  () => models.value.length > 0 && models.value.every(({ provider }) => provider === "illustrator"),
);

export function findModel(id: string | undefined): Model | undefined {
  return models.value.find((model) => model.id === id);
}

/** Asks the gateway who calls and what it can do. */
export async function loadGateway(): Promise<void> {
  try {
    const answer = await request(GatewayDocument, {});
    viewer.value = answer.viewer;
    models.value = answer.models;
    loadFailure.value = undefined;
    keyState.value = key.value ? "accepted" : "not needed";
  } catch (error) {
    loadFailure.value = toStudioError(error);
  }
}
