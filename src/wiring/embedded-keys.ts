/** Names whose values are secrets, in lower case and without hyphens and underscores: `api_key`, `X-API-Key`. */
const SECRET_NAME =
  /apikey|accesskey$|secret|subscriptionkey|privatekey|pass(word|phrase)|authorization|credential|cookie|^key$|^(x?(auth|access|bearer|session|security|refresh|id|api|hf))?token$/;

/**
 * Finds secrets in what a file passes on to a package or a server: by their names, and passwords in addresses.
 *
 * @param value JSON
 * @returns the places of the secrets
 */
export function embeddedKeys(value: unknown, place: readonly string[] = []): (readonly string[])[] {
  if (typeof value === "string") return URL.parse(value)?.password ? [place] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const isSecret = typeof inner === "string" && SECRET_NAME.test(name.toLowerCase().replaceAll(/[-_]/g, ""));
    return isSecret ? [[...place, name]] : embeddedKeys(inner, [...place, name]);
  });
}
