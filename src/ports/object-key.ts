const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

/** Whether this is a relative path of plain segments, which can name nothing outside of the store. */
export function isObjectKey(key: string): boolean {
  return key.split("/").every((segment) => SEGMENT.test(segment));
}

/** @throws when {@link isObjectKey} says no */
export function checkObjectKey(key: string): void {
  if (!isObjectKey(key)) throw new Error("an object key is a relative path of plain segments");
}
