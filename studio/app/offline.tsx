import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isConnected } from "../api/client.ts";
import type { StudioError } from "../api/errors.ts";
import { Icon } from "../ui/icon.tsx";
import "../ui/notice.css";
import { explainCode, explainError } from "../words/error-words.ts";
import { words } from "../words/language.ts";

const t = words({ again: "Try again" }, { again: "重试" });

const RETRY_MS = 3000;

/** Stands where the page would be while the gateway does not answer, and asks it again. */
export function Offline({ failure, onRetry }: { readonly failure: StudioError; readonly onRetry: () => unknown }) {
  useEffect(() => {
    const timer = setInterval(onRetry, RETRY_MS);
    return () => clearInterval(timer);
  }, []);
  const { title, text } = explainError(failure);
  return (
    <main class="lonely">
      <div class="notice bad" role="alert">
        <Icon name={failure.code === "OFFLINE" ? "offline" : "warn"} />
        <div>
          <h1>{title}</h1>
          <p>{text}</p>
          {failure.facts.requestId && <p class="ref mono">{failure.facts.requestId}</p>}
          <div class="acts">
            <button type="button" class="btn small soft" onClick={onRetry}>
              {t.again}
            </button>
          </div>
        </div>
      </div>
    </main>
  );
}

/** How long a connection may be broken before people are told: a restart of the gateway takes about as long. */
const PATIENCE_MS = 1500;

/** Says that the connection is broken while the page is open. What is on the page stays. */
export function ConnectionBanner() {
  const isShown = useSignal(false);
  useSignalEffect(() => {
    const isBroken = isConnected.value === false;
    if (!isBroken) isShown.value = false;
    const timer = setTimeout(() => {
      isShown.value = isBroken;
    }, PATIENCE_MS);
    return () => clearTimeout(timer);
  });
  const { title, text } = explainCode("OFFLINE");
  return (
    <div class="banner-place" role="status">
      {isShown.value && (
        <p class="banner">
          <Icon name="offline" />
          <span>
            <b>{title}.</b> <span class="quiet">{text}</span>
          </span>
        </p>
      )}
    </div>
  );
}
