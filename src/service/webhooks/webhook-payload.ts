import type { Generation, Image } from "../../ports/records.ts";
import type { BudgetFacts, WebhookDelivery } from "../../ports/webhooks.ts";

/** The present records of a generation. A deleted one is `undefined` and has no images. */
export interface RecordedNow {
  readonly generation: Generation | undefined;
  readonly images: readonly Image[];
}

/** The body of a delivery as text. @param linkOf signs the absolute URL of an image */
export function payloadOf(
  { event, createdAt }: Pick<WebhookDelivery, "event" | "createdAt">,
  recorded: RecordedNow,
  linkOf: (image: Image) => string,
): string {
  return JSON.stringify({
    type: event.type,
    timestamp: createdAt.toISOString(),
    data: dataOf(event, recorded, linkOf),
  });
}

function dataOf(
  event: WebhookDelivery["event"],
  { generation, images }: RecordedNow,
  linkOf: (image: Image) => string,
): object {
  switch (event.type) {
    case "generation.succeeded":
    case "generation.failed":
    case "generation.canceled": {
      const { generationId: id, finishedAt, failure = null } = event;
      const status = event.type.slice("generation.".length).toUpperCase();
      const ended = { id, status, failure, finishedAt };
      return { generation: { ...ended, ...(generation && factsOf(generation)), images: images.map(toImage) } };
    }
    case "image.ready": {
      const { imageId: id, generationId } = event;
      const image = images.find((each) => each.id === id);
      return { image: { id, generationId, ...(image && toImage(image)) } };
    }
    case "budget.threshold":
      return { budget: toBudget(event.budget), thresholdPercent: event.thresholdPercent };
    case "budget.exhausted":
      return { budget: toBudget(event.budget) };
    case "webhook.test":
      return {};
    default:
      return event satisfies never;
  }

  function toImage(image: Image): object {
    const { id, index, width, height, format, byteSize, sha256, createdAt } = image;
    return {
      id,
      index,
      url: linkOf(image),
      width,
      height,
      format,
      byteSize,
      sha256,
      createdAt: createdAt.toISOString(),
    };
  }
}

/** The fields of `Generation` in the graph, without the prompt. Its receiver knows it, and it may be long. */
function factsOf(generation: Generation): object {
  const { model, edit, n, requestedSize, endUser, metadata, cost, costIsEstimated, createdAt, startedAt } = generation;
  return {
    model,
    operation: edit ? "EDIT" : "GENERATE",
    n,
    requestedSize: `${requestedSize.width}x${requestedSize.height}`,
    endUser: endUser ?? null,
    metadata: metadata ?? [],
    cost: cost ?? null,
    costIsEstimated: costIsEstimated ?? false,
    createdAt: createdAt.toISOString(),
    startedAt: startedAt?.toISOString() ?? null,
  };
}

function toBudget(budget: BudgetFacts): object {
  const { scope, apiKeyId, window, limitUsd, limitImages, spentUsd, heldUsd, spentImages, heldImages, resetsAt } =
    budget;
  return {
    scope,
    apiKeyId: apiKeyId ?? null,
    window,
    limitUsd: limitUsd ?? null,
    limitImages: limitImages ?? null,
    spentUsd,
    heldUsd,
    spentImages,
    heldImages,
    // It was stored as text.
    resetsAt: resetsAt === undefined ? null : new Date(resetsAt).toISOString(),
  };
}
