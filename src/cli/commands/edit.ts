import type { Command } from "../command.ts";
import { usageFailure } from "../command-failure.ts";
import { MAKE_OPTIONS, makeImages, readPrompt } from "../images/make-images.ts";
import { MAX_SOURCE_IMAGES, SourceImages } from "../images/source-images.ts";

const DOCUMENT = "mutation ($input: EditImagesInput!) { editImages(input: $input) { id } }";

export const edit: Command = {
  summary: "Edit images, or generate new ones from them",
  usage: "PROMPT --image FILE [options]",
  arguments: [1, 1],
  options: {
    image: {
      short: "i",
      value: "FILE",
      isRepeatable: true,
      description: "PNG, JPEG or WebP file, image id or https URL; can be repeated, the first one is edited",
    },
    mask: { value: "FILE", description: "PNG whose transparent areas may change" },
    ...MAKE_OPTIONS,
  },
  details: [
    "Prints the path of each image. A PROMPT of - is read from stdin.",
    "Runs a gateway of its own under the same conditions as `pictograph generate`.",
  ],
  examples: [
    'pictograph edit "the fox wears a green hat" -i fox.png -o hat.png',
    'pictograph edit "a starry sky" -i photo.jpg --mask sky.png -n 2',
  ],
  run: (context) =>
    makeImages(context, async (input) => {
      const sources = new SourceImages();
      const texts = context.flags.texts("image");
      if (texts.length === 0) throw usageFailure("--image is missing: name the image to edit, such as -i fox.png");
      if (texts.length > MAX_SOURCE_IMAGES) {
        throw usageFailure(`--image can be given at most ${MAX_SOURCE_IMAGES} times`);
      }
      const images = [];
      for (const [index, text] of texts.entries())
        images.push(await sources.add(text, `variables.input.images.${index}`));
      const maskText = context.flags.text("mask");
      const mask = maskText === undefined ? {} : { mask: await sources.add(maskText, "variables.input.mask") };
      const prompt = await readPrompt(context);
      return {
        field: "editImages",
        document: DOCUMENT,
        input: { ...input, prompt, images, ...mask },
        files: sources.files,
      };
    }),
};
