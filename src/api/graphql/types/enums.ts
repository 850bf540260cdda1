import type { Billed } from "../../../errors.ts";
import type { Fit } from "../../../ports/image-codec.ts";
import type { Background, ImageFormat, Operation, Quality } from "../../../ports/image-provider.ts";
import type { BudgetWindow } from "../../../ports/projects.ts";
import type { FailureCode, GenerationStatus } from "../../../ports/records.ts";
import type { QuoteBasis } from "../../../service/models/quote.ts";
import { registerEnumType } from "../type-graphql.ts";

/** Registers a GraphQL enum whose words are the domain's own, each with its description. */
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

export const GenerationStatusEnum = describeEnum<GenerationStatus>("GenerationStatus", "Where a generation stands.", {
  QUEUED: "Accepted and on disk; waits for its turn.",
  RUNNING: "With the provider.",
  SUCCEEDED: "Every image is stored.",
  FAILED: "Ended without all its images; `failure` says why.",
  CANCELED: "Stopped by its owner.",
});

export const FailureCodeEnum = describeEnum<FailureCode>("FailureCode", "Why a generation failed.", {
  CONTENT_REJECTED: "The provider's policy refuses this prompt. Sending it again changes nothing.",
  INPUT_REJECTED: "The provider refuses a value of the input; the message names it. Change it and send it again.",
  MODEL_UNAVAILABLE: "The provider does not have the model any more.",
  RATE_LIMITED: "The provider's limit of requests is reached for now.",
  BUDGET_EXCEEDED: "The operator's account with the provider has no money left.",
  UPSTREAM_FAILED: "The provider broke, or answered with something that is not an image.",
  UPSTREAM_TIMEOUT: "The provider did not answer in time.",
  INTERRUPTED: "The gateway stopped while the provider was at work. It is never submitted again by itself.",
  INTERNAL: "A fault of the gateway; its log has the details.",
});

export const BilledEnum = describeEnum<Billed>("Billed", "Whether the provider charged for a failed generation.", {
  YES: "It was charged.",
  NO: "It was not charged.",
  UNKNOWN: "It may have been charged.",
});

export const QualityEnum = describeEnum<Quality>("Quality", "How much work the model puts into an image.", {
  AUTO: "The model decides.",
  LOW: "Fast and cheap.",
  MEDIUM: "The middle.",
  HIGH: "Detailed.",
  XHIGH: "More than high, where the model can.",
  MAX: "All the model can.",
});

export const ImageFormatEnum = describeEnum<ImageFormat>("ImageFormat", "A file format of images.", {
  PNG: "`image/png`, loses nothing.",
  JPEG: "`image/jpeg`, small, never transparent.",
  WEBP: "`image/webp`, smaller.",
  AVIF: "`image/avif`, smallest, slow to make.",
});

export const BackgroundEnum = describeEnum<Background>("Background", "What is behind the subject.", {
  AUTO: "The model decides.",
  OPAQUE: "No transparent pixel.",
  TRANSPARENT: "Nothing, where the model can; not with JPEG.",
});

export const FitEnum = describeEnum<Fit>("Fit", "How an image goes into a box of another shape.", {
  COVER: "Fills the box; what juts out is cropped evenly.",
  CONTAIN: "Fits whole into the box; the rest is transparent, in JPEG white.",
  INSIDE: "As large as fits into the box; the result may be smaller than it on one side.",
  FILL: "Stretched to the box.",
});

export const OperationEnum = describeEnum<Operation>("Operation", "What a model can do.", {
  GENERATE: "Make images from text.",
  EDIT: "Change images.",
});

export const BudgetWindowEnum = describeEnum<BudgetWindow>("BudgetWindow", "A window of time, by UTC.", {
  DAY: "From midnight.",
  WEEK: "From midnight on Monday.",
  MONTH: "From midnight on the first day.",
  TOTAL: "From the beginning.",
});

export const QuoteBasisEnum = describeEnum<QuoteBasis>("QuoteBasis", "What a quote is reckoned from.", {
  TOKENS: "The numbers of tokens that the vendor publishes, and their prices.",
  IMAGES: "The price of one image.",
  UNKNOWN: "It cannot be reckoned: not everything it needs is published.",
});
