import { request } from "../../api/client.ts";
import { StudioError, toStudioError } from "../../api/errors.ts";
import { takeAgain } from "../../create/again.ts";
import { DeleteGenerationsDocument, DeleteImageDocument, SetFavoriteDocument } from "../../generated/graphql.ts";
import { downloadName, save } from "../../image/save.ts";
import { loadImage } from "../../image/shown-image.ts";
import { showToast } from "../../ui/toast.tsx";
import { explainError } from "../../words/error-words.ts";
import { changePicture, takeDown, type WallPicture } from "../pictures.ts";

/** The gateway removes at most so many generations at once. */
const MAX_GENERATIONS = 100;
/** Requests at the same time; browsers keep six connections, and the stream of events has one. */
const MAX_REQUESTS = 4;
/** Browsers leave out downloads that follow each other faster. */
const BETWEEN_DOWNLOADS_MS = 400;

/**
 * Marks a picture as a favourite, or takes the mark away. It shows at once, and goes back if the gateway refuses.
 *
 * @returns whether the gateway has accepted it
 */
export async function setFavorite(id: string, isFavorite: boolean): Promise<boolean> {
  changePicture(id, { isFavorite });
  try {
    await request(SetFavoriteDocument, { id, isFavorite });
    return true;
  } catch (error) {
    changePicture(id, { isFavorite: !isFavorite });
    showToast(explainError(toStudioError(error)).title);
    return false;
  }
}

/** Puts what a picture was made with into the bar or the editor. */
export async function takePictureAgain({ picture: { id } }: WallPicture): Promise<void> {
  try {
    takeAgain((await loadImage(id)).generation);
  } catch (error) {
    showToast(explainError(toStudioError(error)).title);
  }
}

/** Saves pictures as files, one after the other. */
export async function download(entries: readonly WallPicture[]): Promise<void> {
  for (const [at, { picture, generation }] of entries.entries()) {
    if (at > 0) await new Promise((resolve) => setTimeout(resolve, BETWEEN_DOWNLOADS_MS));
    const size = `${picture.width}x${picture.height}`;
    const part = generation.n > 1 ? ` ${picture.index + 1}` : "";
    await save(picture.url, downloadName(generation.prompt + part, size, picture.format));
  }
}

/**
 * Deletes pictures for good. A generation all of whose pictures are deleted goes with them. Each picture leaves the wall
 * when the gateway has deleted it.
 *
 * @throws StudioError with what the gateway refused; the pictures that it did delete are gone
 */
export async function deletePictures(entries: readonly WallPicture[]): Promise<void> {
  const whole: string[][] = [];
  const single: WallPicture[] = [];
  for (const pictures of Map.groupBy(entries, ({ generation }) => generation.id).values()) {
    const [first] = pictures;
    if (first && pictures.length >= first.generation.n) {
      const last = whole.at(-1);
      if (last && last.length < MAX_GENERATIONS) last.push(first.generation.id);
      else whole.push([first.generation.id]);
    } else single.push(...pictures);
  }
  const tasks = [
    ...whole.map((ids) => async () => {
      await request(DeleteGenerationsDocument, { ids });
      const gone = new Set(ids);
      takeDown(new Set(entries.filter(({ generation }) => gone.has(generation.id)).map(({ picture }) => picture.id)));
    }),
    ...single.map(({ picture: { id } }) => async () => {
      await request(DeleteImageDocument, { id }).catch((error) => {
        // Somebody else deleted it.
        if (!(error instanceof StudioError && error.code === "NOT_FOUND")) throw error;
      });
      takeDown(new Set([id]));
    }),
  ];
  await runAll(tasks);
}

/** Runs tasks, a few at a time. @throws the first failure, when all that had begun have ended */
async function runAll(tasks: (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  const worker = async () => {
    for (let task = tasks.shift(); task && failures.length === 0; task = tasks.shift()) {
      await task().catch((error) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: MAX_REQUESTS }, worker));
  if (failures.length > 0) throw toStudioError(failures[0]);
}
