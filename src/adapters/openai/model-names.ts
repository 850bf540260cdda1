/** The longest name that is taken for a model of the vendor's, in characters. */
const MAX_LENGTH = 64;

/** Whether this is the name of an image model of OpenAI's, of today, of the past, or one that is newer than this. */
export function isModelName(name: string): boolean {
  return name.length <= MAX_LENGTH && /^(gpt-image|chatgpt-image|dall-e)-[a-z0-9][a-z0-9.-]*$/.test(name);
}
