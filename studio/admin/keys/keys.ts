import { signal } from "@preact/signals";
import { request } from "../../api/client.ts";
import { toStudioError } from "../../api/errors.ts";
import {
  type CreateApiKeyInput,
  CreateKeyDocument,
  KeysDocument,
  KeyUsageDocument,
  type KeyUsageQuery,
  type ManagedKeyFragment,
  RevokeKeyDocument,
  RotateKeyDocument,
  type UpdateApiKeyInput,
  UpdateKeyDocument,
} from "../../generated/graphql.ts";
import { adminFailure } from "../projects/projects.ts";
import { startOfDay } from "../usage/usage.ts";

export type ManagedKey = ManagedKeyFragment;
export type KeyUsage = KeyUsageQuery["usage"][number];

/** A token that was just made, and the key that it belongs to. It is held here only while it is shown. */
export interface NewToken {
  readonly token: string;
  readonly apiKey: ManagedKey;
}

/** The keys of the shown project that are loaded, newest first. */
export const keys = signal<readonly ManagedKey[]>([]);
/** Whether there are older ones. */
export const hasMoreKeys = signal(false);
/** What each key has used today, by its id. */
export const usageOfToday = signal<ReadonlyMap<string, KeyUsage>>(new Map());

let cursor: string | null = null;

/** Loads the first page of a project's keys, or the next one. */
export async function loadKeys(projectId: string, { next = false } = {}): Promise<void> {
  try {
    const [{ project }, { usage }] = await Promise.all([
      request(KeysDocument, { id: projectId, after: next ? cursor : null }),
      request(KeyUsageDocument, { projectId, from: startOfDay(0) }),
    ]);
    if (!project) return;
    const { nodes, pageInfo } = project.apiKeys;
    keys.value = next ? [...keys.value, ...nodes] : nodes;
    cursor = pageInfo.endCursor;
    hasMoreKeys.value = pageInfo.hasNextPage;
    usageOfToday.value = new Map(usage.flatMap((row) => (row.apiKey ? [[row.apiKey.id, row] as const] : [])));
  } catch (error) {
    adminFailure.value = toStudioError(error);
  }
}

/** @throws StudioError when the gateway refuses it */
export async function createKey(input: CreateApiKeyInput): Promise<NewToken> {
  const { createApiKey } = await request(CreateKeyDocument, { input });
  keys.value = [createApiKey.apiKey, ...keys.value];
  return createApiKey;
}

/** @throws StudioError when the gateway refuses the change */
export async function changeKey(input: UpdateApiKeyInput): Promise<void> {
  keep((await request(UpdateKeyDocument, { input })).updateApiKey);
}

/** Adds a token to a key. The earlier ones end after the overlap. @throws StudioError when the gateway refuses it */
export async function rotateKey(id: string, overlapSeconds: number): Promise<NewToken> {
  const { rotateApiKey } = await request(RotateKeyDocument, { id, overlapSeconds });
  keep(rotateApiKey.apiKey);
  return rotateApiKey;
}

/** Ends a key with all its tokens. @throws StudioError when the gateway refuses it */
export async function revokeKey(id: string): Promise<void> {
  keep((await request(RevokeKeyDocument, { id })).revokeApiKey);
}

function keep(key: ManagedKey): void {
  keys.value = keys.value.map((each) => (each.id === key.id ? key : each));
}
