import type { StoredDerivative } from "./derivative-records.ts";
import type { Generation, Image } from "./records.ts";

/** Lists everything that the records name, in pages, for programs that compare records with bytes. */
export interface Inventory {
  imageCount(): Promise<number>;
  /** The images whose ids come after this one, in the order of their ids. An empty id precedes all. */
  imagesAfter(id: string, limit: number): Promise<readonly Image[]>;
  /** The edits that wait, whose source images are still needed. In the order of their ids. */
  queuedEditsAfter(id: string, limit: number): Promise<readonly Generation[]>;
  /** The derivatives whose keys come after this one, in the order of their keys. */
  derivativesAfter(key: string, limit: number): Promise<readonly StoredDerivative[]>;
}
