/**
 * Returns the input without null members, which some GraphQL clients send for fields that they leave out. An input that
 * has none is returned itself.
 */
export function withoutNulls<Input extends object>(input: Input): Input {
  if (!Object.values(input).includes(null)) return input;
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null)) as Input;
}
