import { setImmediate } from "node:timers/promises";
import sharp from "sharp";
import { type Amount, toAmount } from "../../../src/ports/projects/money.ts";
import type { Random } from "../../support/random.ts";
import {
  type Behaviour,
  type HeldCall,
  type RawAnswer,
  type RecordedRequest,
  startStrictImageApi,
} from "../../support/vendors/strict-image-api.ts";
import { markerIn } from "./chaos-books.ts";
import type { EventCount } from "./chaos-events.ts";

/** Calls are planned before they arrive. This is more than can arrive at the same moment. */
const PLANNED_AHEAD = 64;
const COLOURS = 8;
/** Large enough for a preview, which is made smaller. */
const PREVIEW_SIZE = "320x320";
/**
 * The usage that is reported and charged for each call answered with pictures: 4 text tokens at 5 dollars a million, 5
 * image tokens at 8, and 272 output tokens at 30.
 */
const USAGE = `{"input_tokens":9,"output_tokens":272,"total_tokens":281,"input_tokens_details":{"text_tokens":4,"image_tokens":5}}`;
const CALL_USD = "0.008220";

/** A call of the gateway as seen by the provider. */
export interface UpstreamCall {
  /** The word that makes this prompt unique. */
  readonly marker: string;
  /** The start of the gateway that was running when the call came, in the run's count. */
  readonly life: number;
  readonly n: number;
  /** `1024x1024` */
  readonly size: string;
  /** The uploaded files of an edit; empty for a generation. */
  readonly files: readonly Buffer[];
  /** `429` means that no work was begun, so that the same process may call again. */
  readonly isTurnedAway: boolean;
  /** The colour of the first picture; the others follow it. `undefined` if no picture was planned. */
  readonly colour: number | undefined;
  end: "open" | "finished" | "disconnected";
}

export interface ChaosUpstream extends AsyncDisposable {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Every call in order of arrival. */
  readonly calls: readonly UpstreamCall[];
  /** The mean of red, green and blue of the picture with this colour. */
  meanOf(colour: number): readonly number[];
  /** The picture of this size and colour as it was sent. */
  pictureOf(size: string, colour: number): Promise<Buffer>;
  /** From now on every call is answered immediately and successfully. */
  calmDown(): void;
}

export interface ChaosUpstreamOptions {
  /** Whether every call is answered with pictures. @defaultValue false */
  readonly isReliable?: boolean;
  /** What every answer waits for before it begins, besides its events. */
  readonly gate?: () => Promise<void>;
}

/**
 * The strict stand-in for the vendor, with a seeded plan for each call: how many events pass before and during the
 * answer, and whether it is a picture, a refusal, an outage or a cut connection.
 * @param life the current start of the gateway
 */
export async function startChaosUpstream(
  random: Random,
  events: EventCount,
  life: () => number,
  { isReliable = false, gate }: ChaosUpstreamOptions = {},
): Promise<ChaosUpstream> {
  const api = await startStrictImageApi();
  const calls: UpstreamCall[] = [];
  const pictures = new Pictures();
  let isCalm = false;

  const plan = (): void => {
    const outcome = isReliable ? undefined : random.pick(OUTCOMES);
    const [before, within, colour] = [
      random.whole(0, random.pick([20, 150])),
      random.whole(0, 20),
      random.whole(0, COLOURS - 1),
    ];
    const pause = async (count: number) => (isCalm ? setImmediate() : events.after(count));
    api.queue(outcome ?? { raw: (request) => pictures.answer(request, colour, () => pause(within)) });
    void follow(api.holdNext(), outcome, colour, () => pause(before));
  };

  const follow = async (
    held: HeldCall,
    outcome: Behaviour | undefined,
    colour: number,
    pause: () => Promise<void>,
  ): Promise<void> => {
    const request = await held.arrived;
    plan();
    const call: UpstreamCall = {
      marker: markerIn(String(request.body?.prompt)),
      life: life(),
      n: Number(request.body?.n ?? 1),
      size: String(request.body?.size),
      files: request.files.map(({ bytes }) => bytes),
      isTurnedAway: typeof outcome === "object" && "rateLimited" in outcome,
      colour: outcome === undefined ? colour : undefined,
      end: "open",
    };
    calls.push(call);
    events.tick();
    void request.closed.then((end) => {
      call.end = end;
      events.tick();
    });
    await pause();
    await gate?.();
    held.release();
  };

  for (let planned = 0; planned < PLANNED_AHEAD; planned++) plan();
  return {
    baseUrl: api.baseUrl,
    apiKey: api.apiKey,
    calls,
    meanOf: (colour) => pictures.meanOf(colour),
    pictureOf: async (size, colour) => Buffer.from(await pictures.asBase64(size, colour), "base64"),
    calmDown() {
      isCalm = true;
    },
    [Symbol.asyncDispose]: () => api.close(),
  };
}

/** The vendor's charge: for every picture that it made, even if nobody received it. */
export function billOf(calls: readonly UpstreamCall[]): Amount {
  return toAmount(CALL_USD) * BigInt(calls.filter(({ colour }) => colour !== undefined).length);
}

/** `undefined` means a picture. */
const OUTCOMES: readonly (Behaviour | undefined)[] = [
  ...Array.from({ length: 42 }, () => undefined),
  "moderationBlocked",
  "moderationBlocked",
  "serverError",
  "resetBeforeAnswer",
  "html",
  { rateLimited: { retryAfter: "0" } },
  { rateLimited: { retryAfter: "0" } },
  { rateLimited: { retryAfter: "0" } },
];

/** A few pictures with clearly different colours, large enough to arrive and be stored in several pieces. */
class Pictures {
  readonly #made = new Map<string, Promise<string>>();

  /** The vendor's answer to a call, with a pause after each preview and one within the last picture. */
  answer(request: RecordedRequest, colour: number, pause: () => Promise<void>): RawAnswer {
    if (request.body?.stream !== true) return { body: this.#document(request, colour, pause) };
    return { headers: { "content-type": "text/event-stream" }, body: this.#events(request, colour, pause) };
  }

  async *#document({ body = {} }: RecordedRequest, colour: number, pause: () => Promise<void>): Pieces {
    const size = String(body.size);
    const data: string[] = [];
    for (let index = 0; index < Number(body.n ?? 1); index++) {
      data.push(`{"b64_json":"${await this.asBase64(size, colour + index)}"}`);
    }
    const others = `"background":"opaque","output_format":"png","quality":"medium","size":"${size}"`;
    yield* halves(`{"created":1795348800,"data":[${data.join()}],${others},"usage":${USAGE}}`, pause);
  }

  async *#events({ path, body = {} }: RecordedRequest, colour: number, pause: () => Promise<void>): Pieces {
    const toEvent = (name: string, picture: string, others: string) => {
      const type = `${path.endsWith("/edits") ? "image_edit" : "image_generation"}.${name}`;
      return `event: ${type}\ndata: {"type":"${type}","b64_json":"${picture}",${others}}\n\n`;
    };
    const preview = await this.asBase64(PREVIEW_SIZE, colour);
    for (let index = 0; index < Number(body.partial_images); index++) {
      yield Buffer.from(toEvent("partial_image", preview, `"partial_image_index":${index}`));
      await pause();
    }
    const picture = await this.asBase64(String(body.size), colour);
    yield* halves(toEvent("completed", picture, `"usage":${USAGE}`), pause);
  }

  asBase64(size: string, colour: number): Promise<string> {
    const key = `${size} ${colour % COLOURS}`;
    const known = this.#made.get(key);
    if (known) return known;
    const made = this.#make(size, colour);
    this.#made.set(key, made);
    return made;
  }

  meanOf(colour: number): readonly number[] {
    const index = colour % COLOURS;
    return [index & 1, index & 2, index & 4].map((bit) => (bit ? 200 : 60));
  }

  async #make(size: string, colour: number): Promise<string> {
    const [width = 0, height = 0] = size.split("x").map(Number);
    const pixels = Buffer.alloc(width * height * 3);
    const mean = this.meanOf(colour);
    // A ripple that no PNG filter predicts and that keeps the mean.
    for (let i = 0; i < pixels.length; i++) pixels[i] = (mean[i % 3] ?? 0) + ((Math.imul(i, 0x9e3779b1) >>> 27) - 15.5);
    const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    return png.toString("base64");
  }
}

type Pieces = AsyncGenerator<Uint8Array, void, void>;

async function* halves(text: string, pause: () => Promise<void>): Pieces {
  const whole = Buffer.from(text);
  const middle = Math.floor(whole.length * 0.6);
  yield whole.subarray(0, middle);
  await pause();
  yield whole.subarray(middle);
}
