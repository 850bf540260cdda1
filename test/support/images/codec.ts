import { afterAll } from "@jest/globals";
import { SharpImageCodec } from "../../../src/adapters/sharp/sharp-image-codec.ts";
import type { EncodedImage } from "../../../src/ports/image-codec.ts";
import { ScheduledCodec } from "../../../src/service/images/scheduled-codec.ts";
import { once } from "../gateways/scripted-provider.ts";

/** Decodes in real processes, which end with the last test of a file. */
export function scheduledCodec(): ScheduledCodec {
  const codec = new SharpImageCodec();
  afterAll(() => codec.close());
  return new ScheduledCodec(codec);
}

/** An image in memory, which can be read any number of times. */
export function imageOf(bytes: Uint8Array): EncodedImage {
  return { byteSize: bytes.byteLength, read: () => once(bytes) };
}
