import type { Command } from "../command.ts";
import { MAKE_OPTIONS, makeImages, readPrompt } from "../images/make-images.ts";

const DOCUMENT = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id } }";

export const generate: Command = {
  summary: "Generate images from a text",
  usage: "PROMPT [options]",
  arguments: [1, 1],
  options: MAKE_OPTIONS,
  details: [
    "Prints the path of each image. A PROMPT of - is read from stdin.",
    "If neither PICTOGRAPH_URL nor PICTOGRAPH_API_KEY is set and no gateway answers at http://localhost:8080, the command runs a gateway of its own, with its records and images in PICTOGRAPH_DATA_DIR (default: ./data).",
  ],
  examples: [
    'pictograph generate "a red fox" -n 2 --size 1536x1024 -o fox.png',
    "pictograph generate - -o poster.webp < prompt.txt",
  ],
  run: (context) =>
    makeImages(context, async (input) => {
      const prompt = await readPrompt(context);
      return { field: "generateImages", document: DOCUMENT, input: { ...input, prompt } };
    }),
};
