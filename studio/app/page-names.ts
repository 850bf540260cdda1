/** The first parts of the pages' addresses. The first page has none. */
export const PAGE_NAMES = ["admin", "image", "compare", "edit"] as const;

export type PageName = (typeof PAGE_NAMES)[number];
