import type { TokenUsage } from "../../../ports/image-provider.ts";
import type { Generation } from "../../../ports/records.ts";
import type { Span, SpanStart } from "../../../ports/traces.ts";
import type { CataloguedModel } from "../../models/model-catalogue.ts";

/**
 * Describes a submission to a provider, following the OpenTelemetry conventions for generative AI.
 * @see https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-spans.md
 */
export function providerSpanOf({ id, n, edit }: Generation, { description, provider }: CataloguedModel): SpanStart {
  return {
    name: `generate_content ${description.id}`,
    kind: "CLIENT",
    attributes: {
      "gen_ai.operation.name": "generate_content",
      "gen_ai.output.type": "image",
      "gen_ai.provider.name": provider.name,
      "gen_ai.request.model": description.id,
      "gen_ai.request.choice.count": n,
      "pictograph.operation": edit ? "EDIT" : "GENERATE",
      "pictograph.generation.id": id,
    },
  };
}

/** Adds the tokens that the provider reported, by kind if it distinguishes kinds. */
export function setUsage(span: Span, { inputTokens, outputTokens, inputDetails, outputDetails }: TokenUsage): void {
  span.set({
    "gen_ai.usage.input_tokens": inputTokens,
    "gen_ai.usage.output_tokens": outputTokens,
    "gen_ai.usage.text.input_tokens": inputDetails?.textTokens,
    "gen_ai.usage.image.input_tokens": inputDetails?.imageTokens,
    "gen_ai.usage.text.output_tokens": outputDetails?.textTokens,
    "gen_ai.usage.image.output_tokens": outputDetails?.imageTokens,
  });
}
