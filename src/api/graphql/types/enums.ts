import type { Billed } from "../../../errors.ts";
import type { Fit } from "../../../ports/image-codec.ts";
import type { Background, ImageFormat, Operation, Quality } from "../../../ports/image-provider.ts";
import type { BudgetScope, UsageDimension } from "../../../ports/projects/ledger.ts";
import type { BudgetWindow } from "../../../ports/projects/projects.ts";
import type { FailureCode, GenerationStatus } from "../../../ports/records.ts";
import type { DeliveryStatus } from "../../../ports/webhooks.ts";
import type { QuoteBasis } from "../../../service/models/quote.ts";
import { registerEnumType } from "../type-graphql.ts";

/** Registers a GraphQL enum. Its values are the words of the domain, each with its description. */
function describeEnum<Word extends string>(
  name: string,
  description: string,
  descriptions: Readonly<Record<Word, string>>,
): { readonly [Key in Word]: Key } {
  const words = Object.keys(descriptions) as Word[];
  const values = Object.fromEntries(words.map((word) => [word, word])) as { [Key in Word]: Key };
  const valuesConfig = Object.fromEntries(words.map((word) => [word, { description: descriptions[word] }]));
  registerEnumType(values, { name, description, valuesConfig: valuesConfig as Record<Word, { description: string }> });
  return values;
}

export const GenerationStatusEnum = describeEnum<GenerationStatus>("GenerationStatus", "The state of a generation.", {
  QUEUED: "Accepted and stored; it waits for its turn.",
  RUNNING: "Submitted to the provider.",
  SUCCEEDED: "Every image is stored.",
  FAILED: "Ended without all its images; `failure` says why.",
  CANCELED: "Stopped by its owner.",
});

export const FailureCodeEnum = describeEnum<FailureCode>("FailureCode", "Why a generation failed.", {
  CONTENT_REJECTED: "The provider's policy refuses this prompt. Sending it again changes nothing.",
  INPUT_REJECTED: "The provider refuses a value of the input; the message names it. Change it and send it again.",
  MODEL_UNAVAILABLE: "The provider no longer has the model.",
  RATE_LIMITED: "The provider's request limit is reached. Try again later.",
  BUDGET_EXCEEDED: "The operator's account with the provider has no money left.",
  UPSTREAM_FAILED: "The provider failed, or returned something that is not an image.",
  UPSTREAM_TIMEOUT: "The provider did not answer in time.",
  INTERRUPTED: "The gateway stopped while the provider was working. The gateway never submits it again on its own.",
  INTERNAL: "The gateway failed. Its log has the details.",
});

export const BilledEnum = describeEnum<Billed>("Billed", "Whether the provider charged for a failed generation.", {
  YES: "It was charged.",
  NO: "It was not charged.",
  UNKNOWN: "It may have been charged.",
});

export const QualityEnum = describeEnum<Quality>("Quality", "How much work the model puts into an image.", {
  AUTO: "The model decides.",
  LOW: "Fast and cheap.",
  MEDIUM: "Between LOW and HIGH.",
  HIGH: "Detailed.",
  XHIGH: "More than HIGH, if the model supports it.",
  MAX: "The most that the model supports.",
});

export const ImageFormatEnum = describeEnum<ImageFormat>("ImageFormat", "A file format of images.", {
  PNG: "`image/png`: lossless.",
  JPEG: "`image/jpeg`: small, never transparent.",
  WEBP: "`image/webp`: smaller.",
  AVIF: "`image/avif`: smallest, slow to encode.",
});

export const BackgroundEnum = describeEnum<Background>("Background", "The background behind the subject.", {
  AUTO: "The model decides.",
  OPAQUE: "No transparent pixel.",
  TRANSPARENT: "A transparent background, if the model supports it. Not with JPEG.",
});

export const FitEnum = describeEnum<Fit>("Fit", "How an image is fitted into a box of another shape.", {
  COVER: "Fills the box. The parts outside are cropped equally on both sides.",
  CONTAIN: "Fits the whole image into the box. The rest is transparent, or white in JPEG.",
  INSIDE: "As large as fits into the box. One side of the result may be smaller than the box.",
  FILL: "Stretched to the box.",
});

export const OperationEnum = describeEnum<Operation>("Operation", "What a model can do.", {
  GENERATE: "Generate images from text.",
  EDIT: "Edit images.",
});

export const BudgetWindowEnum = describeEnum<BudgetWindow>("BudgetWindow", "A window of time, in UTC.", {
  DAY: "From midnight.",
  WEEK: "From midnight on Monday.",
  MONTH: "From midnight on the first day.",
  TOTAL: "From the beginning.",
});

export const BudgetScopeEnum = describeEnum<BudgetScope>("BudgetScope", "Whose budget it is.", {
  PROJECT: "The project's: of all its callers together.",
  API_KEY: "The API key's.",
});

export const DeliveryStatusEnum = describeEnum<DeliveryStatus>(
  "WebhookDeliveryStatus",
  "Whether a webhook has arrived.",
  {
    PENDING: "It is attempted now or later.",
    DELIVERED: "The receiver accepted it.",
    FAILED: "It is not attempted any more.",
  },
);

export const UsageDimensionEnum = describeEnum<UsageDimension>("UsageDimension", "The dimensions of usage.", {
  DAY: "The UTC day.",
  MODEL: "The model.",
  OPERATION: "What was done.",
  PROJECT: "The project.",
  API_KEY: "The API key.",
  END_USER: "The end user.",
});

export const QuoteBasisEnum = describeEnum<QuoteBasis>("QuoteBasis", "The data that a quote is calculated from.", {
  TOKENS: "The token counts and token prices that the vendor publishes.",
  IMAGES: "The price of one image.",
  UNKNOWN: "The cost cannot be calculated, because the vendor does not publish all the data.",
});
