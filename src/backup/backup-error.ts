/**
 * Says why a backup, a restore or a verification cannot be done, and what to do. It is printed without a stack. It never
 * has a prompt, a key or a signature.
 */
export class BackupError extends Error {
  override readonly name = "BackupError";
}
