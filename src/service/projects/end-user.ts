import { badInput } from "../../errors.ts";

/** The longest name of an end user, in characters: as long as the subject of a token may be. */
const MAX_END_USER_LENGTH = 255;

/**
 * @param field what the name came in
 * @throws BAD_USER_INPUT naming `field` when it cannot be the name of an end user
 */
export function checkEndUser(field: string, name: string): string {
  if (/^[^\p{Cc}]{1,255}$/u.test(name) && name.trim() === name && name.isWellFormed()) return name;
  throw badInput(
    field,
    `${field} must have 1 to ${MAX_END_USER_LENGTH} characters, without control characters and spaces around them`,
  );
}
