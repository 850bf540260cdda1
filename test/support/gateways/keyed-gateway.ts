import type { GatewayOptions } from "../../../src/gateway.ts";
import type { ModelDescription } from "../../../src/ports/image-provider.ts";
import { ANY_SIZE_MODEL, type ScriptedGateway, startScriptedGateway } from "./scripted-gateway.ts";

export const ADMIN_KEY = "marked-admin-key-of-32-characters-or-more";
export const ADMIN = { Authorization: `Bearer ${ADMIN_KEY}` };

export interface CreatedKey {
  readonly id: string;
  readonly token: string;
  readonly headers: { readonly Authorization: string };
}

export interface KeyedGateway extends ScriptedGateway {
  /** Runs an operation with the admin key. @throws Error with its errors */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it asked for
  admin(query: string, variables?: object, headers?: Record<string, string>): Promise<any>;
  createProject(input?: object): Promise<string>;
  createKey(projectId: string, input?: object): Promise<CreatedKey>;
}

/** A keyed gateway whose models are scripted by the test. */
export async function startKeyedGateway(
  options: GatewayOptions = {},
  models: readonly ModelDescription[] = [ANY_SIZE_MODEL],
): Promise<KeyedGateway> {
  const gateway = await startScriptedGateway({ adminKeys: [ADMIN_KEY], ...options }, models);
  const admin: KeyedGateway["admin"] = async (query, variables = {}, headers = {}) => {
    const { body } = await gateway.graphql(query, variables, { ...ADMIN, ...headers });
    if (body.errors) throw new Error(JSON.stringify(body.errors));
    return body.data;
  };
  return {
    ...gateway,
    admin,
    async createProject(input = {}) {
      const query = "mutation ($input: CreateProjectInput!) { createProject(input: $input) { id } }";
      return (await admin(query, { input: { name: "a project", ...input } })).createProject.id;
    },
    async createKey(projectId, input = {}) {
      const query = "mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { token apiKey { id } } }";
      const { createApiKey } = await admin(query, { input: { projectId, name: "a key", ...input } });
      const { token, apiKey } = createApiKey;
      return { id: apiKey.id, token, headers: { Authorization: `Bearer ${token}` } };
    },
  };
}
