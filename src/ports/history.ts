import type { Operation } from "./image-provider.ts";
import type { Generation, GenerationStatus, Image, MetadataEntry } from "./records.ts";

/** Selects generations. Absent members match everything. */
export interface HistoryFilter {
  readonly projectId?: string | undefined;
  readonly endUser?: string | undefined;
  readonly status?: GenerationStatus | undefined;
  readonly model?: string | undefined;
  readonly operation?: Operation | undefined;
  /** Whether one of its images is a favorite. In a list of images: whether the image itself is one. */
  readonly isFavorite?: boolean | undefined;
  /** Accepted at this moment or later. */
  readonly createdFrom?: Date | undefined;
  /** Accepted before this moment. */
  readonly createdBefore?: Date | undefined;
  /** Has all these entries. */
  readonly metadata?: readonly MetadataEntry[] | undefined;
  /** The beginnings of words in the prompt, as `wordsOf` returns them. */
  readonly words?: readonly string[] | undefined;
}

/** A slice of a list of generations, newest first. */
export interface GenerationSlice extends HistoryFilter {
  /** Only generations older than this id. */
  readonly olderThan?: string | undefined;
  /** Only generations newer than this id. */
  readonly newerThan?: string | undefined;
  /** Whether the generations with these two ids belong to the range. @defaultValue false */
  readonly includesBounds?: boolean | undefined;
  /** Which end of the range the slice is taken from. */
  readonly from: "newest" | "oldest";
  readonly limit: number;
}

/** The position of an image in a list of images. It stays valid when the image is deleted. */
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

/** Lists the recorded generations and images. */
export interface History {
  listGenerations(slice: GenerationSlice): Promise<readonly Generation[]>;
  /** The number of matching generations, or `limit` if there are more. */
  countGenerations(filter: HistoryFilter, limit: number): Promise<number>;
  listImages(slice: ImageSlice): Promise<readonly Image[]>;
  /** The number of matching images, or `limit` if there are more. */
  countImages(filter: HistoryFilter, limit: number): Promise<number>;
}
