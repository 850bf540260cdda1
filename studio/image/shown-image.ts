import { request } from "../api/client.ts";
import { StudioError } from "../api/errors.ts";
import { ImageDocument, type ImageQuery } from "../generated/graphql.ts";

/** A picture with everything that its page shows. */
export type ShownImage = NonNullable<ImageQuery["image"]>;

/** @throws StudioError NOT_FOUND when there is no such image for this caller */
export async function loadImage(id: string): Promise<ShownImage> {
  const { image } = await request(ImageDocument, { id });
  if (image) return image;
  throw new StudioError("NOT_FOUND");
}
