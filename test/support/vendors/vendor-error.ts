/** The `error` object of an answer, as the vendor writes it. */
export interface ErrorFields {
  readonly message?: string;
  readonly type?: string;
  readonly param?: string | null;
  readonly code?: string | null;
  readonly moderation_details?: unknown;
}
