import type { Contestant } from "./contestants.ts";
import type { PictureKind } from "./pictures.ts";

/** Callers that call again and again, each for `n` images. */
export interface Load {
  readonly n: number;
  readonly callers: number;
}

/** One contestant under one load. */
export interface Reading extends Load {
  readonly contestant: Contestant;
  readonly picture: PictureKind;
  /** The median of all rounds. */
  readonly cpuMsAnImage: number;
  /** The most memory the process had since it started; loads grow from reading to reading. */
  readonly peakBytes: number;
}
