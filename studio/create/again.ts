import { StudioError, toStudioError } from "../api/errors.ts";
import { focusPrompt } from "../dock/prompt-field.tsx";
import { parseSize } from "../dock/sizes.ts";
import type { GenerateImagesInput } from "../generated/graphql.ts";
import type { Generation } from "../state/generations.ts";
import { showToast } from "../ui/toast.tsx";
import { explainError } from "../words/error-words.ts";
import { words } from "../words/language.ts";
import { prompt, settings } from "./settings.ts";

const t = words(
  { taken: "Prompt and settings are in the bar.", undo: "Undo" },
  { taken: "提示词和设置已放入输入栏。", undo: "撤销" },
);

/** The input that makes the same again. */
export function inputOf(generation: Generation, partialImages = 0): GenerateImagesInput {
  const { prompt, n, model, requestedSize: size, quality, format, background, seed } = generation;
  return { prompt, n, model: model.id, size, quality, format, background, seed, partialImages };
}

/**
 * Puts the prompt and the settings of a generation into the bar; those of an edit and its pictures into the editor, which
 * opens then. What stood there comes back by Undo.
 */
export function takeAgain(generation: Generation): void {
  if (generation.operation === "GENERATE") fillBar(generation);
  else void withEditor(({ takeEditAgain }) => takeEditAgain(generation));
}

/** Leads to where a generation that failed can be changed: the prompt bar with its words, or the editor. */
export function change(generation: Generation): void {
  if (generation.operation === "GENERATE") {
    prompt.value = generation.prompt;
    focusPrompt();
  } else void withEditor(({ changeEdit }) => changeEdit(generation));
}

/** Loads the code of the editor, and runs some of it. If it fails, the reason is shown. */
async function withEditor(run: (editor: typeof import("../edit/again.ts")) => Promise<void>): Promise<void> {
  try {
    const editor = await import("../edit/again.ts").catch((cause) => {
      throw new StudioError("OFFLINE", { cause });
    });
    await run(editor);
  } catch (error) {
    showToast(explainError(toStudioError(error)).title);
  }
}

function fillBar(generation: Generation): void {
  const before = { prompt: prompt.value, settings: settings.value };
  const { n, model, requestedSize, quality, format, background, seed } = generation;
  prompt.value = generation.prompt;
  settings.value = {
    ...settings.value,
    model: model.id,
    size: parseSize(requestedSize),
    n,
    quality,
    format,
    background,
    seed: seed ?? undefined,
  };
  const undo = () => {
    prompt.value = before.prompt;
    settings.value = before.settings;
  };
  showToast(t.taken, { action: { label: t.undo, run: undo } });
}
