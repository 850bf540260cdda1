import OpenAI from "openai";
import OpenAI6 from "openai-6";

/** The official clients, unchanged except for the URL they call. */
export const OPENAI_CLIENTS = [
  ["openai 7", (gatewayUrl: string) => new OpenAI({ baseURL: `${gatewayUrl}/v1`, apiKey: "any" })],
  [
    "openai 6",
    (gatewayUrl: string) => new OpenAI6({ baseURL: `${gatewayUrl}/v1`, apiKey: "any" }) as unknown as OpenAI,
  ],
] as const;

/** The pictures of an answer or an event. */
export function bytesOf(image: { readonly b64_json?: string } | undefined): Buffer {
  return Buffer.from(image?.b64_json ?? "", "base64");
}
