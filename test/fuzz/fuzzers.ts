import fc from "fast-check";
import sharp from "sharp";
import { EventStream } from "../../src/adapters/openai/answers/event-stream.ts";
import { type AnswerReader, JsonAnswer } from "../../src/adapters/openai/answers/json-answer.ts";
import { SharpImageCodec } from "../../src/adapters/sharp/sharp-image-codec.ts";
import { placeUploads } from "../../src/api/graphql/transports/upload-map.ts";
import { parseForm } from "../../src/api/http/bodies/multipart-form.ts";
import { GatewayError } from "../../src/errors.ts";
import { UndecodableImageError } from "../../src/ports/image-codec.ts";
import type { PixelSize } from "../../src/ports/image-provider.ts";
import { ImageLinks } from "../../src/service/images/image-links.ts";
import { PngCheck } from "../../src/service/images/png-check.ts";
import { parseSize } from "../../src/service/images/sizes.ts";
import { MAX_SOURCE_PIXELS, SourceCheck } from "../../src/service/images/source-check.ts";
import { hostNameOf } from "../../src/settings/host-name.ts";
import { Base64Decoder } from "../../src/streamed-json/base64-decoder.ts";
import { UnreadableJson } from "../../src/streamed-json/unreadable-json.ts";
import { once } from "../support/gateways/scripted-provider.ts";
import { inPieces, mutated } from "./bytes.ts";

/** A parser of clients' bytes, and what must hold for any bytes. */
export interface Fuzzer {
  readonly name: string;
  readonly property: fc.IRawProperty<unknown, boolean>;
}

const PICTURE = sharp({ create: { width: 40, height: 30, channels: 3, background: "#8040c0" } });
const FILES = await Promise.all([
  PICTURE.clone().png().toBuffer(),
  PICTURE.clone().png({ progressive: true }).toBuffer(),
  PICTURE.clone().withMetadata({ density: 72 }).jpeg().toBuffer(),
  PICTURE.clone().jpeg({ progressive: true }).toBuffer(),
  PICTURE.clone().webp().toBuffer(),
  PICTURE.clone().webp({ lossless: true }).withIccProfile("p3").toBuffer(),
]);
/** Its processes end with this process. */
const CODEC = new SharpImageCodec();

const FORM = Buffer.from(
  [
    '--b\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{"query":"{__typename}","variables":{"a":null}}',
    '--b\r\nContent-Disposition: form-data; name="map"\r\n\r\n{"0":["variables.a"]}',
    '--b\r\nContent-Disposition: form-data; name="0"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n',
    "--b--\r\n",
  ].join("\r\n"),
);
const FORM_LIMITS = { maxParts: 20, maxTextBytes: 4096, maxBytes: 65_536 };

const ANSWER = Buffer.from(
  JSON.stringify({
    created: 1,
    data: [{ b64_json: "iVBORw0KGgo=", revised_prompt: 'a "fox"\n😀' }, { url: "https://images.example/1.png" }],
    usage: { input_tokens: 3, output_tokens: 4 },
  }),
);
const EVENTS = Buffer.from(
  [
    'event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":"iVBORw0KGgo="}\n\n',
    ": a comment\r\n\r\n",
    'event: image_generation.completed\ndata: {"type":"image_generation.completed",\ndata: "b64_json":"iVBORw0KGgo="}\n\n',
  ].join(""),
);

const HOSTS = ["localhost:8080", "Images.Example.", "127.0.0.1", "[::ffff:127.0.0.1]:80", "a@localhost/x?y#z"].map(
  (host) => Buffer.from(host),
);

const NOW = new Date("2026-11-30T00:00:00Z");
const LINKS = new ImageLinks(["a secret of the fuzzers"], 7200, () => NOW);
const SIGNED = LINKS.signPreview("gen_01h455vb4pex5vsknk084sn02q", { imageIndex: 0, partialIndex: 1 });

const MAPS = [{ 0: ["variables.a"] }, { 0: ["variables.list.0", "variables.list.1"], 1: ["variables.deep.er.a"] }].map(
  (map) => Buffer.from(JSON.stringify(map)),
);

export const FUZZERS: readonly Fuzzer[] = [
  {
    name: "a multipart form is read or refused",
    property: fc.asyncProperty(inPieces(mutated([FORM])), async ([, pieces]) => {
      let textBytes = 0;
      const reading = parseForm(pieces, "multipart/form-data; boundary=b", FORM_LIMITS, {
        kindOf: (_name, isFile) => (isFile ? "file" : "text"),
        takeText: (_name, text) => {
          textBytes += Buffer.byteLength(text);
        },
        takeFile: async (_name, _mediaType, bytes) => {
          for await (const _ of bytes);
        },
      });
      await refusalOf(reading);
      return textBytes <= FORM_LIMITS.maxTextBytes;
    }),
  },
  {
    name: "a map puts uploads in the place of nulls, or changes nothing",
    property: fc.property(fc.oneof(mutated(MAPS), mutated([Buffer.from('{"0":["variables.__proto__.x"]}')])), (map) => {
      const operations = { variables: { a: null, list: [null, null], deep: { er: { a: null } }, text: "stays" } };
      const before = JSON.stringify(operations);
      const shared = Object.getOwnPropertyNames(Object.prototype).length;
      const isPlaced = throwsRefusal(() => placeUploads(operations, map.toString())) === undefined;
      const isWhole = JSON.stringify(operations, (_key, value) => (isUpload(value) ? null : value)) === before;
      return (
        isWhole &&
        Object.getOwnPropertyNames(Object.prototype).length === shared &&
        (isPlaced || isUnchanged(operations))
      );
    }),
  },
  {
    name: "a host is the one that a browser would call, or is refused",
    property: fc.property(mutated(HOSTS), (bytes) => {
      const text = bytes.toString("latin1");
      const host = hostNameOf(text);
      if (host === undefined) return true;
      const { hostname, username, pathname, search, hash } = new URL(`http://${text}`);
      const isAlone = `${username}${search}${hash}` === "" && pathname === "/";
      return isAlone && /^[a-z0-9._:-]*$/.test(host) && [host, `${host}.`, `[${host}]`].includes(hostname);
    }),
  },
  {
    name: "a PNG is found valid or invalid, however it is split",
    property: fc.property(inPieces(mutated(FILES.slice(0, 2))), ([whole, pieces]) => {
      const check = (parts: readonly Buffer[]) => {
        const png = new PngCheck();
        for (const part of parts) png.write(part);
        return JSON.stringify(png.size);
      };
      return check([whole]) === check(pieces);
    }),
  },
  {
    name: "a source image is accepted or refused, however it is split",
    property: fc.property(inPieces(mutated(FILES)), ([whole, pieces]) => {
      const check = (parts: readonly Buffer[]) => {
        const source = new SourceCheck();
        for (const part of parts) source.write(part);
        return JSON.stringify([source.problem, source.problem ? undefined : source.size]);
      };
      return check([whole]) === check(pieces);
    }),
  },
  {
    name: "an accepted source image has the size that its decoder finds",
    property: fc.asyncProperty(mutated(FILES), async (bytes) => {
      const source = new SourceCheck();
      source.write(bytes);
      if (source.problem) return true;
      const decoded = await CODEC.inspect({ byteSize: bytes.length, read: () => once(bytes) }, MAX_SOURCE_PIXELS).catch(
        (error) => {
          if (error instanceof UndecodableImageError && error.reason === "damaged") return undefined;
          throw error;
        },
      );
      const sides = ({ width, height }: PixelSize) => [width, height].sort().join("x");
      return !decoded || (source.size !== undefined && sides(source.size) === sides(decoded));
    }),
  },
  {
    name: "base64 decodes as in Node",
    property: fc.property(
      inPieces(fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => Buffer.from(bytes))),
      ([bytes, cuts]) => {
        const text = Buffer.from(bytes.toString("base64"));
        const decoder = new Base64Decoder(1024);
        let start = 0;
        for (const { length } of [...cuts, text]) {
          start = decoder.fill(text, start, Math.min(text.length, start + length));
        }
        return decoder.finish().equals(bytes);
      },
    ),
  },
  {
    name: "a provider's JSON gives the same tokens, however it is split",
    property: answerProperty(ANSWER, (decoder) => new JsonAnswer(decoder, 4096)),
  },
  {
    name: "a provider's events give the same tokens, however they are split",
    property: answerProperty(EVENTS, (decoder) => new EventStream(decoder, 4096)),
  },
  {
    name: "only a signed URL works",
    property: fc.property(mutated([Buffer.from(SIGNED)]), (bytes) => {
      const url = bytes.toString("latin1");
      const refusal = throwsRefusal(() => LINKS.verify(url));
      return url === SIGNED ? refusal === undefined : refusal?.code === "FORBIDDEN";
    }),
  },
  {
    name: "a size is within its bounds or refused",
    property: fc.property(fc.oneof(fc.string(), mutated([Buffer.from("1024x1024")]).map(String)), (text) => {
      let size: { readonly width: number; readonly height: number } | undefined;
      const refusal = throwsRefusal(() => {
        size = parseSize(text);
      });
      if (refusal) return refusal.code === "BAD_USER_INPUT";
      return size !== undefined && Math.min(size.width, size.height) >= 64 && Math.max(size.width, size.height) <= 3840;
    }),
  },
];

/** The result of an answer must not depend on how the network splits it. */
function answerProperty(sound: Buffer, createReader: (decoder: Base64Decoder) => AnswerReader) {
  return fc.property(inPieces(mutated([sound])), ([whole, pieces]) => {
    const read = (parts: readonly Buffer[]) => {
      const reader = createReader(new Base64Decoder(4096));
      const pictures: string[] = [];
      const documents: unknown[] = [];
      try {
        for (const part of parts) take(reader.write(part));
        take(reader.end());
      } catch (error) {
        if (!(error instanceof UnreadableJson)) throw error;
        return "broken";
      }
      return JSON.stringify([pictures, documents]);

      function take(tokens: ReturnType<AnswerReader["write"]>): void {
        for (const token of tokens) {
          if (token.type === "start") pictures.push("");
          else if (token.type === "bytes") pictures.push(`${pictures.pop()}${token.bytes.toString("hex")}`);
          else documents.push(token);
        }
      }
    };
    return read([whole]) === read(pieces);
  });
}

/** Returns the refusal that a parser throws, or `undefined` if it throws nothing. @throws every other error */
function throwsRefusal(parse: () => unknown): GatewayError | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof GatewayError && error.code !== "INTERNAL") return error;
    throw error;
  }
}

/** The same for an asynchronous parser. */
async function refusalOf(parsing: Promise<unknown>): Promise<GatewayError | undefined> {
  const [outcome] = await Promise.allSettled([parsing]);
  return throwsRefusal(() => {
    if (outcome.status === "rejected") throw outcome.reason;
  });
}

function isUpload(value: unknown): boolean {
  return typeof value === "object" && value !== null && value.constructor.name === "ArrivingUpload";
}

function isUnchanged({
  variables,
}: {
  readonly variables: { readonly a: unknown; readonly list: readonly unknown[] };
}) {
  return variables.a === null && variables.list.every((item) => item === null);
}
