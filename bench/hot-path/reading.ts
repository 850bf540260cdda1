import type { PictureKind } from "./pictures.ts";

/** Who is measured: the gateway by two doors, between the least and the usual way. */
export const CONTESTANTS = ["floor", "/get-image", "generateImages", "shim"] as const;
export type Contestant = (typeof CONTESTANTS)[number];

/** One contestant under one load. */
export interface Reading {
  readonly contestant: Contestant;
  readonly picture: PictureKind;
  /** Images a call. */
  readonly n: number;
  readonly callers: number;
  readonly cpuMsAnImage: number;
  /** The most memory the process had since it started; loads grow from reading to reading. */
  readonly peakBytes: number;
}
