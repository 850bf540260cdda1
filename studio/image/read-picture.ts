import { StudioError } from "../api/errors.ts";

/** The answer of the gateway is the same for all its pictures. `undefined` until the first one is asked for. */
let answer: Promise<boolean> | undefined;

/** Whether the gateway sends readers of its pictures to another host, such as a bucket. */
export function isKeptElsewhere(url: string): Promise<boolean> {
  // One byte is asked for, since only the way there matters.
  answer ??= fetch(url, { redirect: "manual", cache: "no-store", headers: { Range: "bytes=0-0" } }).then(
    ({ type }) => type === "opaqueredirect",
    () => {
      answer = undefined;
      return false;
    },
  );
  return answer;
}

/**
 * Reads the file of a picture.
 *
 * @throws TypeError when there is no connection, or a bucket does not allow the page to read it
 * @throws StudioError when the gateway refuses it
 */
export async function readPicture(url: string): Promise<Blob> {
  // Browsers keep what a bucket sent for an `<img>`, which never says that a page may read it.
  const response = await fetch(url, { cache: (await isKeptElsewhere(url)) ? "no-store" : "default" });
  if (!response.ok) throw new StudioError("NOT_FOUND");
  return response.blob();
}
