/** The longest name that counts as a model of the vendor, in characters. */
const MAX_LENGTH = 64;

/** Whether this is the name of an image model of OpenAI: current, retired, or newer than this release. */
export function isModelName(name: string): boolean {
  return name.length <= MAX_LENGTH && /^(gpt-image|chatgpt-image|dall-e)-[a-z0-9][a-z0-9.-]*$/.test(name);
}
