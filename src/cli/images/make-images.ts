import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { MAX_IMAGES } from "../../bounds.ts";
import { type CommandContext, JSON_OPTION, PROJECT_OPTION } from "../command.ts";
import { CommandFailure, EXIT, exitCodeOf, usageFailure } from "../command-failure.ts";
import { type Connection, callSignal } from "../connection.ts";
import type { Options } from "../flags.ts";
import { ConnectionFailure, type UploadedFile } from "../gateway-client.ts";
import { type CliGeneration, countOf, toCost, toDuration } from "../generation.ts";
import { printable } from "../printable.ts";
import { followGeneration, interruptedFailure } from "./follow-generation.ts";
import { OutputFiles } from "./output-files.ts";
import { saveImages } from "./save-image.ts";

const QUALITIES = ["AUTO", "LOW", "MEDIUM", "HIGH", "XHIGH", "MAX"] as const;
const FORMATS = ["PNG", "JPEG", "WEBP", "AVIF"] as const;
const BACKGROUNDS = ["AUTO", "OPAQUE", "TRANSPARENT"] as const;
const MAX_PREVIEWS = 3;
const MAX_SEED = 2 ** 31 - 1;
/** The largest prompt that is read from stdin, in bytes. A gateway takes 32,000 characters. */
const MAX_PROMPT_BYTES = 128 * 1024;
/** How often a request is sent whose answer got lost. The idempotency key keeps it one request. */
const ATTEMPTS = 3;
const RETRY_MS = 1_000;

/** What an image shall be like; for quotes too. */
export const IMAGE_OPTIONS = {
  n: { short: "n", value: "NUMBER", description: `how many images: 1 to ${MAX_IMAGES} (default: 1)` },
  size: { short: "s", value: "WIDTHxHEIGHT", description: "pixels, 64 to 3840 a side, ratio 1:3 to 3:1" },
  model: { short: "m", value: "NAME", description: "one of `pictograph models` (default: the gateway's)" },
  quality: { short: "q", value: "QUALITY", description: "auto, low, medium, high, xhigh or max" },
  format: { short: "f", value: "FORMAT", description: "png, jpeg, webp or avif (default: what -o is named)" },
  background: { value: "KIND", description: "auto, opaque or transparent" },
} as const satisfies Options;

/** Where files go. */
export const OUTPUT_OPTIONS = {
  output: { short: "o", value: "NAME", description: "file or directory to write (default: the current directory)" },
  force: { description: "replace existing files" },
} as const satisfies Options;

/** The options of the commands that make images. */
export const MAKE_OPTIONS = {
  ...IMAGE_OPTIONS,
  seed: { value: "NUMBER", description: "the same seed gives the same image, where the model can" },
  ...OUTPUT_OPTIONS,
  previews: { value: "NUMBER", description: "previews of each image: 0 to 3; a paid model may charge for them" },
  "idempotency-key": { value: "KEY", description: "the same key never pays twice within 24 hours" },
  "end-user": { value: "NAME", description: "the end user to record with the images" },
  metadata: { value: "KEY=VALUE", isRepeatable: true, description: "an entry to store with them; can be repeated" },
  ...PROJECT_OPTION,
  ...JSON_OPTION,
} as const satisfies Options;

type Input = Readonly<Record<string, unknown>>;

/** A mutation that makes images. */
export interface MakeRequest {
  /** The name of the mutation: `generateImages`. */
  readonly field: string;
  readonly document: string;
  readonly input: Input;
  readonly files?: readonly UploadedFile[];
}

/** Reads the input of a quote or a generation from the flags. Absent flags are left out. */
export function readImageInput({ flags }: CommandContext, files?: OutputFiles): Input {
  const size = flags.text("size")?.replace(/[X×]/, "x");
  if (size !== undefined && !/^[0-9]{1,5}x[0-9]{1,5}$/.test(size)) {
    throw usageFailure("--size must be width and height in pixels, such as 1536x1024");
  }
  const format = flags.oneOf("format", FORMATS) ?? files?.format;
  if (format !== undefined) files?.checkFormat(format);
  return withoutAbsent({
    n: flags.wholeNumber("n", 1, MAX_IMAGES),
    size,
    model: flags.text("model"),
    quality: flags.oneOf("quality", QUALITIES),
    format,
    background: flags.oneOf("background", BACKGROUNDS),
  });
}

/** The prompt of the first argument. `-` reads it from stdin, which keeps it out of the list of processes. */
export async function readPrompt({ flags }: CommandContext): Promise<string> {
  const [prompt = ""] = flags.arguments;
  if (prompt !== "-") return prompt;
  const chunks: Buffer[] = [];
  let byteSize = 0;
  for await (const chunk of process.stdin) {
    byteSize += chunk.length;
    if (byteSize > MAX_PROMPT_BYTES) throw usageFailure("the prompt on stdin is too long: at most 32,000 characters");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString().trim();
}

/**
 * Submits a request for images, shows its progress, saves the images and prints their paths.
 *
 * @param toRequest completes the request with what the flags say. It runs before anything is submitted
 */
export async function makeImages(
  context: CommandContext,
  toRequest: (input: Input) => Promise<MakeRequest>,
): Promise<void> {
  const { flags, interrupted } = context;
  const files = await OutputFiles.open(flags.text("output"), flags.isSet("force"));
  const input = readImageInput(context, files);
  await files.checkFree((input.n as number | undefined) ?? 1, (input.format as string | undefined) ?? "PNG");
  const request = await toRequest({ ...input, ...readMakeInput(context) });
  await using connection = await context.connectOrStart();
  if (interrupted.aborted) throw new CommandFailure("Interrupted before anything was requested.", EXIT.interrupted);
  const previews = await choosePreviews(context, connection, request.input);
  const accepted = await submit(context, connection, {
    ...request,
    input: { ...request.input, partialImages: previews },
  });
  const generation = await followGeneration(context, connection, accepted.id, { previews });
  await deliver(context, connection, generation, files);
  if (interrupted.aborted) throw new CommandFailure("Interrupted. All images are saved.", EXIT.interrupted);
}

/**
 * Saves the images of an ended generation and prints the result: paths for a reader, or one JSON value.
 * @throws CommandFailure if the generation failed
 */
export async function deliver(
  context: CommandContext,
  connection: Connection,
  generation: CliGeneration,
  files: OutputFiles,
): Promise<void> {
  const { flags, terminal, interrupted } = context;
  const isJson = flags.isSet("json");
  const paths: string[] = [];
  for (const { message } of generation.warnings) terminal.warn(printable(message));
  terminal.progress("Saving");
  try {
    await saveImages(generation, files, callSignal(connection, interrupted), (path) => {
      paths.push(path);
      if (!isJson) terminal.data(path);
    });
  } catch (error) {
    throw interrupted.aborted ? interruptedFailure(generation.id, connection, error) : error;
  } finally {
    terminal.endProgress();
  }
  if (isJson) terminal.json({ ...generation, files: paths });
  refuseFailed(generation);
  terminal.remark(terminal.style("dim", summaryOf(generation)));
}

/** @throws CommandFailure when the generation did not succeed, with the exit code that the reason has */
export function refuseFailed({ id, status, failure }: CliGeneration): void {
  if (status === "SUCCEEDED") return;
  if (!failure) throw new CommandFailure(`${printable(id)} is ${printable(status).toLowerCase()}`);
  const billed = failure.billed === "UNKNOWN" ? " The provider may have charged for it." : "";
  throw new CommandFailure(
    `${printable(failure.message)} (${printable(failure.code)}, ${printable(id)}).${billed}`,
    exitCodeOf(failure.code),
  );
}

function summaryOf(generation: CliGeneration): string {
  const { images, requestedSize, model, startedAt, createdAt, finishedAt } = generation;
  const duration = finishedAt === null ? "" : ` in ${toDuration(startedAt ?? createdAt, finishedAt)}`;
  const made = `${countOf(images.length, "image")} of ${printable(requestedSize)} by ${printable(model.id, 60)}${duration}`;
  return `${made} · ${toCost(generation)}`;
}

function readMakeInput({ flags }: CommandContext): Input {
  const metadata = flags.texts("metadata").map((entry) => {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(entry) ?? [];
    if (key === undefined) throw usageFailure("--metadata must be KEY=VALUE, such as --metadata order=42");
    return { key, value };
  });
  return withoutAbsent({
    seed: flags.wholeNumber("seed", -MAX_SEED - 1, MAX_SEED),
    partialImages: flags.wholeNumber("previews", 0, MAX_PREVIEWS),
    endUser: flags.text("end-user"),
    idempotencyKey: flags.text("idempotency-key") ?? randomUUID(),
    metadata: metadata.length > 0 ? metadata : undefined,
    waitSeconds: 0,
  });
}

function withoutAbsent(input: Input): Input {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}

interface PreviewModel {
  readonly id: string;
  readonly isDefault: boolean;
  readonly provider: string;
  readonly maxPartialImages: number;
  readonly maxImagesWithPartialImages: number;
}

/** Who watches sees previews as stages of the progress where they cost nothing: with the illustrator. */
async function choosePreviews(
  { terminal, interrupted }: CommandContext,
  connection: Connection,
  { partialImages, model, n = 1 }: Input,
): Promise<number> {
  if (typeof partialImages === "number") return partialImages;
  if (!terminal.isInteractive) return 0;
  const query = "{ models { id isDefault provider maxPartialImages maxImagesWithPartialImages } }";
  const { models } = await connection.client.run<{ models: readonly PreviewModel[] }>(
    query,
    {},
    { signal: callSignal(connection, interrupted) },
  );
  const used = models.find(({ id, isDefault }) => (model === undefined ? isDefault : id === model));
  const isFree = used?.provider === "illustrator" && (n as number) <= used.maxImagesWithPartialImages;
  return isFree ? used.maxPartialImages : 0;
}

async function submit(
  { interrupted, terminal }: CommandContext,
  connection: Connection,
  { field, document, input, files = [] }: MakeRequest,
): Promise<{ readonly id: string }> {
  const signal = callSignal(connection, interrupted);
  terminal.progress(files.length > 0 ? "Uploading" : "Sending the request");
  for (let attempt = 1; ; attempt++) {
    try {
      const data = await connection.client.run<Record<string, { id: string }>>(document, { input }, { signal, files });
      return data[field] as { id: string };
    } catch (error) {
      if (signal.aborted) {
        const advice = "If the gateway has accepted the request, `pictograph list` shows it";
        throw new CommandFailure(`Interrupted. ${advice}.`, EXIT.interrupted, { cause: error });
      }
      if (!(error instanceof ConnectionFailure) || error.isAbsent || attempt === ATTEMPTS) throw error;
      await delay(RETRY_MS * attempt, undefined, { signal }).catch(() => {});
    }
  }
}
