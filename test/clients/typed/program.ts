/** A client whose types were generated from the schema. It is compiled beside them and run against a gateway. */
import { GraphQLClient } from "graphql-request";
import { EventsDocument, GenerateDocument, HistoryDocument, type PictureFragment } from "./gql/graphql.ts";

const [url = ""] = process.argv.slice(2);
const client = new GraphQLClient(`${url}/graphql`);

const { generateImages } = await client.request(GenerateDocument, { input: { prompt: "a fox", n: 2, size: "64x64" } });
const pictures: readonly PictureFragment[] = generateImages.images;
const createdAt: string = generateImages.createdAt;

const { generations } = await client.request(HistoryDocument, { first: 1, status: "SUCCEEDED" });
const [edge] = generations.edges;
const cost: string | null | undefined = edge?.node.cost;

// @ts-expect-error A prompt is needed.
await client.request(GenerateDocument, { input: { n: 1 } }).catch(() => {});
// @ts-expect-error There is no such status.
await client.request(HistoryDocument, { first: 1, status: "DONE" }).catch(() => {});
// @ts-expect-error It was not asked for.
generateImages.prompt satisfies unknown;

process.stdout.write(
  JSON.stringify({
    status: generateImages.status,
    formats: pictures.map(({ format }) => format),
    hasThumbnails: pictures.every(({ thumbnail }) => thumbnail.includes(".webp?")),
    isDate: !Number.isNaN(Date.parse(createdAt)),
    isInHistory: edge?.node.id === generateImages.id,
    cost,
    kinds: EventsDocument.definitions.map(({ kind }) => kind),
  }),
);
