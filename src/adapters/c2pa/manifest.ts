import { toDigitalSourceUri } from "../../ports/digital-source.ts";
import type { Ingredient, SignedClaim } from "../../ports/image-signer.ts";

/** The name and version of the program that made an image. */
export interface ClaimGenerator {
  readonly name: string;
  readonly version: string;
}

/** The part of a claim that becomes a manifest; `ingredients` are those that could be read. */
export type Statement = Pick<SignedClaim, "format" | "digitalSourceType" | "action"> & {
  readonly ingredients: readonly Pick<Ingredient, "relationship">[];
};

/** The media type of a format. */
export function toMediaType(format: SignedClaim["format"]): string {
  return `image/${format.toLowerCase()}`;
}

/** The label by which actions name an ingredient. */
export function toLabel(index: number): string {
  return `ingredient-${index}`;
}

/**
 * The settings of the C2PA library. Nothing is loaded from the network: an ingredient may come from anyone and name any
 * address. The signed image is not read again, because the picture has just been encoded.
 */
export const LIBRARY_SETTINGS = JSON.stringify({
  verify: { verify_after_sign: false, remote_manifest_fetch: false, ocsp_fetch: false, verify_trust: false },
  builder: { thumbnail: { enabled: false } },
});

/**
 * The manifest of an image, for the C2PA library. An image that has a parent was opened and then changed; any other
 * image was created.
 *
 * @see https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html#_actions
 */
export function toManifest(statement: Statement, generator: ClaimGenerator): string {
  const { format } = statement;
  return JSON.stringify({
    claim_generator_info: [generator],
    format: toMediaType(format),
    assertions: [{ label: "c2pa.actions.v2", data: { actions: toActions(statement) } }],
  });
}

function toActions({ action, digitalSourceType, ingredients }: Statement) {
  const source = { digitalSourceType: toDigitalSourceUri(digitalSourceType) };
  const labelled = ingredients.map(({ relationship }, index) => ({ relationship, label: toLabel(index) }));
  const ids = (relationship: Ingredient["relationship"]) =>
    labelled.filter((ingredient) => ingredient.relationship === relationship).map(({ label }) => label);
  const [parents, inputs] = [ids("parentOf"), ids("inputTo")];
  const from = (ingredientIds: readonly string[]) =>
    ingredientIds.length > 0 ? { parameters: { ingredientIds } } : {};
  if (parents.length === 0) return [{ action: "c2pa.created", ...source }];
  return [
    { action: "c2pa.opened", ...from(parents) },
    { action: `c2pa.${action}`, ...source, ...from(action === "edited" ? inputs : []) },
  ];
}
