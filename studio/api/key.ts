import { effect, signal } from "@preact/signals";
import { forgetSession, StoredText } from "./storage.ts";

/** Where the key of this tab is kept until the tab is closed. */
const stored = new StoredText("sessionStorage", "key");
/** API keys begin so. Anything else may be an admin key, which never leaves the memory of the page. */
const API_KEY = /^pgk_/;

/** What the gateway thinks of the caller. */
export type KeyState = "unknown" | "not needed" | "missing" | "wrong" | "accepted";

/** The key that requests carry; `undefined` on open gateways. */
export const key = signal<string | undefined>(stored.read());
export const keyState = signal<KeyState>("unknown");
/** The project that an admin works in; `undefined` for the public one. */
export const projectId = signal<string | undefined>(undefined);

effect(() => {
  stored.write(key.value && API_KEY.test(key.value) ? key.value : undefined);
});

/** The headers that say who calls. */
export function credentialHeaders(): Record<string, string> {
  return {
    ...(key.value && { Authorization: `Bearer ${key.value}` }),
    ...(key.value && projectId.value && { "Pictograph-Project": projectId.value }),
  };
}

/** Takes note that the gateway did not accept the key of a request, or that there was none. */
export function refuseKey(): void {
  keyState.value = key.value ? "wrong" : "missing";
}

/** Forgets the key, and all that was loaded with it. */
export function forgetKey(): void {
  key.value = undefined;
  forgetSession();
  location.reload();
}
