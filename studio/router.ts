import { computed, signal } from "@preact/signals";

/** Where the page is. It stands in the fragment of the address, so that it works below any prefix. */
export interface Place {
  /** The parts of the path, decoded: `["image", "img_01…"]`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** What a page gets: the parts of the address after its own name. For `#/image/img_01…` that is the id. */
export interface PageProps {
  readonly path: readonly string[];
}

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export const place = computed<Place>(() => {
  const [path = "", query = ""] = hash.value.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decode), query: new URLSearchParams(query) };
});

/** The address of a place, for links: `hrefOf("image", id)`. */
export function hrefOf(...path: readonly string[]): string {
  return `#/${path.map(encodeURIComponent).join("/")}`;
}

/** Goes to a place. With `replace` the browser's way back does not lead here again. */
export function goTo(href: string, { replace = false } = {}): void {
  history[replace ? "replaceState" : "pushState"](history.state, "", href);
  hash.value = location.hash;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
