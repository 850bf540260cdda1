import { Field, ObjectType } from "../../type-graphql.ts";

@ObjectType("Provenance", {
  description:
    "How an image was made. Every file that the gateway encodes says so in XMP (`Iptc4xmpExt:DigitalSourceType`), and in signed content credentials (C2PA) if the operator has set a certificate. The file that the model sent is never changed.",
})
export class ProvenanceType {
  @Field(() => String, {
    description:
      "A concept of https://cv.iptc.org/newscodes/digitalsourcetype/: `…/trainedAlgorithmicMedia` for an image that a model generated.",
  })
  digitalSourceType!: string;

  @Field(() => Boolean, {
    description:
      "Whether the file that the model sent carries C2PA content credentials. The gateway does not verify them. `url(original: true)` always keeps them, `url` only if `isOriginal`.",
  })
  hasContentCredentials!: boolean;

  @Field(() => Boolean, {
    description: "Whether `url` without a size, format or quality delivers the exact file that the model sent.",
  })
  isOriginal!: boolean;

  @Field(() => Boolean, {
    description:
      "Whether `url` without a size, format or quality delivers a file with content credentials that the gateway signed with the operator's certificate.",
  })
  isSigned!: boolean;
}
