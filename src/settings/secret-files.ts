import { closeSync, openSync, readSync } from "node:fs";

type Environment = Readonly<Record<string, string | undefined>>;

/** The variables whose values can be read from a file instead. `NAME_FILE` is then the path of the file. */
export const SECRETS = [
  "PICTOGRAPH_ADMIN_KEY",
  "PICTOGRAPH_SIGNING_SECRET",
  "OPENAI_API_KEY",
  "DATABASE_URL",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "OTEL_EXPORTER_OTLP_HEADERS",
] as const;
/** The same, for the commands that call a gateway. */
export const CLIENT_SECRETS = ["PICTOGRAPH_API_KEY"] as const;
/** The largest file of a secret, in bytes. A larger one is another file, named by mistake. */
const MAX_BYTES = 64 * 1024;

/**
 * Adds the secrets that are given as files, such as Docker and Kubernetes mount them. White space at the end of a file
 * is ignored.
 *
 * @param problems gets a sentence for each file that cannot be used. It never has the content
 */
export function withSecretFiles(
  environment: Environment,
  problems: string[],
  names: readonly string[] = SECRETS,
): Environment {
  const secrets: Record<string, string> = {};
  for (const name of names) {
    const path = environment[`${name}_FILE`]?.trim();
    if (!path) continue;
    if (environment[name]?.trim()) {
      problems.push(`${name}_FILE and ${name} are both set; set one of them`);
      continue;
    }
    const secret = readSecret(path);
    if (secret.text) secrets[name] = secret.text;
    else problems.push(`${name}_FILE must be the path of a file with the secret; ${secret.problem}`);
  }
  return { ...environment, ...secrets };
}

function readSecret(path: string): { readonly text?: string; readonly problem?: string } {
  try {
    const file = openSync(path, "r");
    try {
      const buffer = Buffer.alloc(MAX_BYTES + 1);
      const byteCount = readSync(file, buffer);
      if (byteCount > MAX_BYTES) return { problem: `this file is larger than ${MAX_BYTES} bytes` };
      const text = buffer.subarray(0, byteCount).toString().trim();
      return text ? { text } : { problem: "this file is empty" };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    return { problem: `this file cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
}
