import { badInput } from "../../errors.ts";

/**
 * The longest name of an end user, in characters.
 *
 * @see https://openid.net/specs/openid-connect-core-1_0.html#IDToken which limits the subject of a token to 255
 */
const MAX_END_USER_LENGTH = 255;

/**
 * Checks the name of an end user, and returns it.
 *
 * @param field the header or the input that has the name
 * @throws BAD_USER_INPUT naming `field`
 */
export function checkEndUser(field: string, name: string): string {
  if (/^[^\p{Cc}]{1,255}$/u.test(name) && name.trim() === name && name.isWellFormed()) return name;
  throw badInput(
    field,
    `${field} must have 1 to ${MAX_END_USER_LENGTH} characters, without control characters, and without spaces at its ends`,
  );
}
