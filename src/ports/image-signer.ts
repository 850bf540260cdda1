import type { DigitalSourceType, ImageFormat } from "./image-provider.ts";

/** A file that an image was made from. */
export interface Ingredient {
  readonly format: ImageFormat;
  readonly bytes: Uint8Array;
  /**
   * `parentOf` is the picture that was changed; an image has at most one. `inputTo` is a picture that the model got
   * besides.
   */
  readonly relationship: "parentOf" | "inputTo";
}

/** What a signature says about an image. */
export interface SignedClaim {
  readonly format: ImageFormat;
  readonly digitalSourceType: DigitalSourceType;
  /** What was done to the ingredients. An image without ingredients was created. */
  readonly action: "edited" | "resized" | "transcoded";
  /** The credentials of these files are kept inside the image's own. */
  readonly ingredients: readonly Ingredient[];
}

export interface SignedImage {
  readonly bytes: Uint8Array;
  /** How many ingredients could not be read and are left out. */
  readonly leftOutCount: number;
}

/**
 * Signs images with the operator's certificate. A call that crashes or hangs the signer fails only itself. The calls
 * run one after the other.
 */
export interface ImageSigner {
  /** The end of the certificate's validity, or of an issuer's if that comes first. */
  readonly expiresAt: Date;
  /**
   * Adds signed content credentials (C2PA) to an encoded image. The picture is not changed.
   */
  sign(bytes: Uint8Array, claim: SignedClaim): Promise<SignedImage>;
  /** Frees all resources. Running calls fail. */
  close(): Promise<void>;
}
