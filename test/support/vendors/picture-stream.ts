import { plainImage } from "../gateways/scripted-provider.ts";

/**
 * OpenAI's answer as a stream: two previews of a picture, and then the picture, which is sent only after the previews
 * were seen.
 */
export async function* pictureStream(seen: Promise<void>): AsyncIterable<Uint8Array> {
  const picture = (await plainImage(1024, 1024, 1, "png")).toString("base64");
  const toEvent = (name: string, more: object) => {
    const type = `image_generation.${name}`;
    return Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, b64_json: picture, ...more })}\n\n`);
  };
  for (const index of [0, 1]) yield toEvent("partial_image", { partial_image_index: index });
  await seen;
  yield toEvent("completed", { usage: { input_tokens: 1, output_tokens: 2, total_tokens: 3 } });
}
