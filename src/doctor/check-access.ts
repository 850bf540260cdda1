import type { Config } from "../config.ts";
import { hostNameOf, isLoopback } from "../settings/host-name.ts";
import type { ModelsFile } from "../wiring/models-file.ts";
import { type Finding, ok, warning } from "./finding.ts";

const NAME = "access";

/** Says who can call the gateway. The configuration refuses what is dangerous by mistake. */
export function checkAccess(
  { adminKeys, host, publicUrl, trustProxy, openai, dailyBudget }: Config,
  models: ModelsFile | undefined,
): Finding {
  if (adminKeys.length > 0) {
    const isEncrypted = publicUrl === undefined || publicUrl.startsWith("https:") || isLoopbackUrl(publicUrl);
    return isEncrypted
      ? ok(NAME, "keyed: callers need an API key")
      : warning(NAME, "keyed, but PICTOGRAPH_PUBLIC_URL is not https: keys are sent unencrypted", "serve it by https");
  }
  const isLocal = isLoopback(host) && (publicUrl === undefined || isLoopbackUrl(publicUrl)) && !trustProxy;
  if (isLocal) return ok(NAME, "open to programs of this machine; nobody else can call");
  const isPaid = openai || (models && models.providers.length + models.aiSdk.length > 0);
  const spends = isPaid ? `, and may spend ${dailyBudget ? `${dailyBudget.usd} dollars a day` : "any amount"}` : "";
  return warning(
    NAME,
    `open: anyone who can reach the gateway may use it${spends}`,
    "set PICTOGRAPH_ADMIN_KEY unless this is meant",
  );
}

function isLoopbackUrl(url: string): boolean {
  return isLoopback(hostNameOf(new URL(url).host) ?? "");
}
