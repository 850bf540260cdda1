import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isConnected } from "../api/client.ts";
import type { StudioError } from "../api/errors.ts";
import { FailureCard } from "../ui/failure-card.tsx";
import { Icon } from "../ui/icon.tsx";
import { explainCode } from "../words/error-words.ts";

const RETRY_MS = 3000;

/** Stands where the page would be while the gateway does not answer, and asks it again. */
export function Offline({ failure, onRetry }: { readonly failure: StudioError; readonly onRetry: () => unknown }) {
  useEffect(() => {
    const timer = setInterval(onRetry, RETRY_MS);
    return () => clearInterval(timer);
  }, []);
  return <FailureCard failure={failure} isPage onRetry={onRetry} />;
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
