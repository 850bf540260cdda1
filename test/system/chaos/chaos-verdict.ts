import sharp from "sharp";
import { PUBLIC_PROJECT } from "../../../src/ports/records.ts";
import {
  type ChaosBooks,
  GENERATION_FIELDS,
  isEnded,
  markerIn,
  nameOfEnd,
  type Order,
  type ToldGeneration,
  type ToldImage,
} from "./chaos-books.ts";
import { editFiles } from "./chaos-edits.ts";
import { changesOf, INTERRUPTED } from "./chaos-ends.ts";
import type { ChaosFleet } from "./chaos-fleet.ts";
import { type Audit, audit, type LedgerBooks } from "./chaos-ledger.ts";
import type { ChaosUpstream, UpstreamCall } from "./chaos-upstream.ts";

/** The final state, compared with the books. Every list is empty if all promises were kept. */
export interface Verdict extends Audit {
  /** Orders whose acceptance a client knows of. */
  readonly accepted: number;
  /** The edits among them. */
  readonly acceptedEdits: number;
  /** Orders that a budget refused. */
  readonly refused: number;
  /** The ends and their numbers: `SUCCEEDED`, `FAILED INTERRUPTED`, `deleted`, … */
  readonly finished: ReadonlyMap<string, number>;
  readonly lost: readonly string[];
  readonly submittedTwice: readonly string[];
  /** Orders without a key that were submitted twice, although no gateway was killed before they were answered. */
  readonly paidTwice: readonly string[];
  /** Orders that failed as interrupted in a gateway that was stopped in order. */
  readonly cutOff: readonly string[];
  /** Orders that another process ended as interrupted, and that their own process then finished. */
  readonly finishedAfterTakeover: readonly string[];
  /** Stored bytes without a record. */
  readonly orphans: readonly string[];
  readonly recordsWithoutBytes: readonly string[];
  readonly halfWritten: readonly string[];
  readonly contradictions: readonly string[];
}

const PAGE = `query ($after: String) { generations(first: 100, after: $after) {
  edges { node { prompt ${GENERATION_FIELDS} } } pageInfo { hasNextPage endCursor } } }`;

/**
 * Reads everything in the gateway through its APIs.
 * @param url a gateway without queued or running generations
 * @param kept the stored bytes, the records of money, and the headers of a caller that sees everything
 */
export async function judge(
  books: ChaosBooks,
  fleet: Pick<ChaosFleet, "upstreams" | "stoppedLives" | "recordedEnds">,
  url: string,
  kept: {
    readonly storedKeys: readonly string[];
    readonly ledger: LedgerBooks;
    readonly headers: Readonly<Record<string, string>>;
  },
): Promise<Verdict> {
  const { upstreams, stoppedLives } = fleet;
  const generations = await allGenerations(url, kept.headers);
  const recordedOf = Map.groupBy(fleet.recordedEnds, ({ generationId }) => generationId);
  const ledgerRowsOf = Map.groupBy(kept.ledger.rows, ({ generationId }) => generationId);
  const calls = upstreams.flatMap((upstream) => upstream.calls.map((call) => ({ call, upstream })));
  const callsOf = Map.groupBy(calls, ({ call }) => call.marker);
  const markerOf = new Map([
    ...[...generations].map(([id, { prompt }]) => [id, markerIn(prompt)] as const),
    ...books.orders.flatMap(({ ids, marker }) => [...ids].map((id) => [id, marker] as const)),
  ]);
  const lost: string[] = [];
  const withoutBytes = [...books.withoutBytes];
  const halfWritten = [...books.halfWritten];
  const contradictions = [...books.contradictions];
  const finished = new Map<string, number>();
  const cutOff: string[] = [];
  const finishedAfterTakeover: string[] = [];
  for (const order of books.orders) {
    const found = [...order.ids].flatMap((id) => generations.get(id) ?? []);
    for (const { id } of found) generations.delete(id);
    if (order.isRefused) {
      // An order that its client abandoned may have been accepted; the audit counts it.
      for (const [id, { prompt }] of generations) if (markerIn(prompt) === order.marker) generations.delete(id);
      continue;
    }
    if (order.isDeleted) {
      count(finished, "deleted");
      if (found.length > 0) contradictions.push(`${order.marker}: was deleted and is there`);
      continue;
    }
    const [generation] = found;
    if (!generation || order.ids.size === 0) {
      lost.push(`${order.marker}: ${[...order.ids]} is not there`);
      continue;
    }
    const { id, status } = generation;
    const name = nameOfEnd(generation);
    const recorded = recordedOf.get(id) ?? [];
    const sent = callsOf.get(order.marker)?.at(-1);
    const stopMs = sent && stoppedLives.get(sent.call.life);
    if (name === INTERRUPTED && stopMs !== undefined && !order.hasMetCrash) {
      const writer = recorded.length > 0 ? "itself" : "another process";
      cutOff.push(`${order.marker}: ended by ${writer}; its gateway stopped in ${Math.round(stopMs)} ms`);
    }
    count(finished, name);
    if (!isEnded(generation)) lost.push(`${order.marker}: still ${status}`);
    const ends = isEnded(generation) ? [...order.ends, generation] : order.ends;
    if (order.ends.length === 0) contradictions.push(`${order.marker}: nobody was told that it ended`);
    for (const { kind, inWords } of changesOf(ends, { recorded, ledgerRows: ledgerRowsOf.get(id) ?? [] })) {
      const list = kind === "contradiction" ? contradictions : finishedAfterTakeover;
      list.push(`${order.marker}: ${inWords}`);
    }
    if (status === "SUCCEEDED" && generation.images.length !== order.n) {
      lost.push(`${order.marker}: ${generation.images.length} of ${order.n} images`);
    }
    const known = new Set(generation.images.map(({ id }) => id));
    if ([...order.restImageIds].some((id) => !known.has(id)))
      lost.push(`${order.marker}: an image that was handed out`);
    for (const image of generation.images) {
      const bytes = await load(url, image.url);
      if (!bytes) withoutBytes.push(`${order.marker}: ${image.id}`);
      else books.noteBytes(order, bytes, image);
      const derivative = order.wantsDerivatives && (await load(url, image.derivative));
      if (derivative) await books.noteDerivative(order, derivative);
      const original = order.wantsDerivatives ? await load(url, image.original) : undefined;
      if (order.wantsDerivatives && !original) withoutBytes.push(`${order.marker}: the original of ${image.id}`);
      // If an order was sent twice, nobody knows which of the calls made this.
      const difference = bytes && !order.hasMetCrash && (await differenceOf(order, image, { bytes, original }, sent));
      if (difference) halfWritten.push(`${order.marker}: ${image.id} ${difference}`);
    }
  }
  const sources = await editFiles();
  for (const { isEdit, marker } of books.orders) {
    const expected = isEdit ? sources : [];
    const wrong = callsOf.get(marker)?.find(({ call: { files } }) => !isSame(files, expected));
    if (wrong) contradictions.push(`${marker}: the provider got ${wrong.call.files.length} files, or others`);
  }
  const unkeyed = new Map(books.orders.filter(({ api }) => api === "WebSocket").map((order) => [order.marker, order]));
  for (const [id, { prompt }] of generations) {
    // An order without a key, sent before a crash that lost the answer, is unknown to everybody.
    if (!unkeyed.get(markerIn(prompt))?.hasMetCrash) contradictions.push(`${id}: nobody knows it`);
  }
  const isRepeated = ([, own]: [string, { call: UpstreamCall }[]]) =>
    !isOnce(
      own.map(({ call }) => call),
      stoppedLives,
    );
  const repeated = [...callsOf].filter(isRepeated).map(([marker]) => marker);
  const accepted = books.orders.filter(({ isAccepted, isRefused }) => isAccepted && !isRefused);
  return {
    accepted: accepted.length,
    refused: books.orders.filter(({ isRefused }) => isRefused).length,
    acceptedEdits: accepted.filter(({ isEdit }) => isEdit).length,
    finished,
    lost: [...new Set([...lost, ...withoutBytes])],
    submittedTwice: repeated.filter((marker) => !unkeyed.has(marker)),
    paidTwice: repeated.filter((marker) => unkeyed.get(marker)?.hasMetCrash === false),
    cutOff,
    finishedAfterTakeover,
    ...audit(
      kept.ledger,
      calls.map(({ call }) => call),
      {
        markerOf,
        projectOf: new Map(books.orders.map(({ marker, project }) => [marker, project?.projectId ?? PUBLIC_PROJECT])),
        budgets: new Map(books.orders.flatMap(({ project }) => [...(project?.budgets ?? [])])),
      },
    ),
    orphans: await orphansOf(url, kept.storedKeys, kept.headers),
    recordsWithoutBytes: withoutBytes,
    halfWritten: [...new Set([...halfWritten, ...books.halfWritten])],
    contradictions,
  };
}

/**
 * A call that the provider refused before any work may be repeated by the same process, or after that process has
 * stopped.
 */
function isOnce(calls: readonly UpstreamCall[], stoppedLives: ReadonlyMap<number, unknown>): boolean {
  const last = calls.at(-1)?.life;
  return calls
    .slice(0, -1)
    .every(({ isTurnedAway, life }) => isTurnedAway && (life === last || stoppedLives.has(life)));
}

function isSame(files: readonly Buffer[], expected: readonly Buffer[]): boolean {
  return files.length === expected.length && files.every((file, index) => file.equals(expected[index] ?? file));
}

/**
 * Returns the problems of a picture, which must be the provider's picture in the requested size. Its original, if
 * loaded, must equal the provider's bytes.
 */
async function differenceOf(
  { size }: Order,
  { index }: ToldImage,
  { bytes, original }: { readonly bytes: Buffer; readonly original: Buffer | undefined },
  sent: { readonly call: UpstreamCall; readonly upstream: ChaosUpstream } | undefined,
): Promise<string | undefined> {
  const { call, upstream } = sent ?? {};
  if (call?.colour === undefined || !upstream) return "was never sent by the provider";
  const picture = original && (await upstream.pictureOf(call.size, call.colour + index));
  if (picture && !original.equals(picture)) return "has another original than the provider sent";
  const { width, height } = await sharp(bytes).metadata();
  if (`${width}x${height}` !== size) return `has ${width}x${height} pixels, not ${size}`;
  const { channels } = await sharp(bytes).stats();
  const means = channels.map(({ mean }) => Math.round(mean));
  const expected = upstream.meanOf(call.colour + index);
  const isSent = expected.every((mean, channel) => Math.abs((means[channel] ?? 0) - mean) < 8);
  return isSent ? undefined : `is another picture: ${means}, not ${expected}`;
}

type PagedGeneration = ToldGeneration & { readonly prompt: string };

async function allGenerations(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<Map<string, PagedGeneration>> {
  const found = new Map<string, PagedGeneration>();
  for (let after: string | null = null; ; ) {
    const { generations }: { generations: Page } = await query(url, headers, PAGE, { after });
    for (const { node } of generations.edges) found.set(node.id, node);
    if (!generations.pageInfo.hasNextPage) return found;
    after = generations.pageInfo.endCursor;
  }
}

interface Page {
  readonly edges: readonly { readonly node: PagedGeneration }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

/** Keys are `<generation>/<image>/…`. */
async function orphansOf(
  url: string,
  storedKeys: readonly string[],
  headers: Readonly<Record<string, string>>,
): Promise<string[]> {
  const known = new Set(
    [...(await allGenerations(url, headers)).values()].flatMap(({ images }) => images.map(({ id }) => id)),
  );
  return storedKeys.filter((key) => !known.has(key.split("/")[1] ?? ""));
}

async function load(url: string, imageUrl: string): Promise<Buffer | undefined> {
  const { pathname, search } = new URL(imageUrl);
  const response = await fetch(url + pathname + search);
  const bytes = Buffer.from(await response.arrayBuffer());
  return response.status === 200 ? bytes : undefined;
}

/** @throws Error if the answer contains an error */
export async function query<Data>(
  url: string,
  headers: Readonly<Record<string, string>>,
  text: string,
  variables: object = {},
): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ query: text, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
