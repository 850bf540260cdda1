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
 * @throws StudioError UNREADABLE when a bucket does not allow the page to read it, OFFLINE when there is no connection,
 *   NOT_FOUND when it is gone
 */
export async function readPicture(url: string): Promise<Blob> {
  const isElsewhere = await isKeptElsewhere(url);
  // Browsers keep what a bucket sent for an `<img>`, which never says that a page may read it.
  const response = await fetch(url, { cache: isElsewhere ? "no-store" : "default" }).catch(async (cause) => {
    throw new StudioError(isElsewhere && (await isAnswered(url)) ? "UNREADABLE" : "OFFLINE", { cause });
  });
  if (!response.ok) throw new StudioError("NOT_FOUND");
  return response.blob();
}

/** Whether there is an answer at all, which the page need not be allowed to read. */
async function isAnswered(url: string): Promise<boolean> {
  const controller = new AbortController();
  try {
    await fetch(url, { mode: "no-cors", cache: "no-store", signal: controller.signal });
    return true;
  } catch {
    return false;
  } finally {
    controller.abort();
  }
}
