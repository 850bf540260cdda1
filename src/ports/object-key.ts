const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

/** Whether a text is a relative path of plain segments, which cannot name anything outside the store. */
export function isObjectKey(key: string): boolean {
  return key.split("/").every((segment) => SEGMENT.test(segment));
}

/** @throws Error when the text is not an object key */
export function checkObjectKey(key: string): void {
  if (!isObjectKey(key)) throw new Error("an object key is a relative path of plain segments");
}
