import type { Operation } from "./image-provider.ts";
import type { Generation, GenerationStatus, Image, MetadataEntry } from "./records.ts";

/** Selects generations; what is left out stands for any. */
export interface HistoryFilter {
  readonly projectId?: string | undefined;
  readonly endUser?: string | undefined;
  readonly status?: GenerationStatus | undefined;
  readonly model?: string | undefined;
  readonly operation?: Operation | undefined;
  /** Whether one of its images is a favorite. In a list of images: whether the image is one. */
  readonly isFavorite?: boolean | undefined;
  /** Accepted at this moment or later. */
  readonly createdFrom?: Date | undefined;
  /** Accepted before this moment. */
  readonly createdBefore?: Date | undefined;
  /** Has all these entries. */
  readonly metadata?: readonly MetadataEntry[] | undefined;
  /** Each one begins a word of the prompt. As `wordsOf` returns them. */
  readonly words?: readonly string[] | undefined;
}

/** A slice of a list of generations, newest first. */
export interface GenerationSlice extends HistoryFilter {
  /** Only generations older than this id. */
  readonly olderThan?: string | undefined;
  /** Only generations newer than this id. */
  readonly newerThan?: string | undefined;
  /** Whether these two belong to the range themselves. @defaultValue false */
  readonly includesBounds?: boolean | undefined;
  /** Which end of the range the slice is taken from. */
  readonly from: "newest" | "oldest";
  readonly limit: number;
}

/** Where an image is in a list of images. The place stays where it is when the image is deleted. */
export interface ImagePlace {
  readonly generationId: string;
  readonly index: number;
}

/** A slice of a list of images: those of the newest generation first, and those of one generation by their index. */
export interface ImageSlice extends HistoryFilter {
  /** Only images that come after this place. */
  readonly after?: ImagePlace | undefined;
  /** Only images that come before this place. */
  readonly before?: ImagePlace | undefined;
  /** Whether images at these places belong to the range. @defaultValue false */
  readonly includesBounds?: boolean | undefined;
  /** Which end of the range the slice is taken from. */
  readonly from: "start" | "end";
  readonly limit: number;
}

/** The lists of what is recorded. */
export interface History {
  listGenerations(slice: GenerationSlice): Promise<readonly Generation[]>;
  /** How many generations there are; `limit` where there are at least so many. */
  countGenerations(filter: HistoryFilter, limit: number): Promise<number>;
  listImages(slice: ImageSlice): Promise<readonly Image[]>;
  /** How many images there are; `limit` where there are at least so many. */
  countImages(filter: HistoryFilter, limit: number): Promise<number>;
}
