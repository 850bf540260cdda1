import type { GraphQLBody } from "../gateways/gateway.ts";
import { httpRequest } from "./http-request.ts";

/** Runs a GraphQL operation against a gateway elsewhere, such as in another process, over its own connection. */
export async function graphql(gatewayUrl: string, query: string, variables: object = {}): Promise<GraphQLBody> {
  const { body } = await httpRequest(`${gatewayUrl}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return JSON.parse(body.toString()) as GraphQLBody;
}

/** The fields of a generation that tests check. */
export interface SeenGeneration {
  readonly id: string;
  readonly status: string;
  readonly prompt: string;
  readonly failure: { readonly code: string; readonly billed: string; readonly retryable: boolean } | null;
  readonly images: readonly { readonly url: string; readonly width: number; readonly height: number }[];
}

const FIELDS = "id status prompt failure { code billed retryable } images { url width height }";

/** Runs `generateImages`, for one small image unless the input says otherwise. */
export async function generateImages(gatewayUrl: string, input: object): Promise<SeenGeneration> {
  const query = `mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { ${FIELDS} } }`;
  const { data, errors } = await graphql(gatewayUrl, query, { input: { prompt: "a fox", size: "64x64", ...input } });
  if (errors) throw new Error(JSON.stringify(errors));
  return data.generateImages;
}

/** Lists all generations, newest first. */
export async function listGenerations(gatewayUrl: string): Promise<readonly SeenGeneration[]> {
  const { data } = await graphql(gatewayUrl, `{ generations(first: 50) { edges { node { ${FIELDS} } } } }`);
  return data.generations.edges.map(({ node }: { readonly node: SeenGeneration }) => node);
}
