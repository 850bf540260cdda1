import type { ComponentChildren } from "preact";
import type { StudioError } from "../api/errors.ts";
import { explainError } from "../words/error-words.ts";
import { words } from "../words/language.ts";
import { Icon } from "./icon.tsx";
import "./notice.css";

const t = words({ again: "Try again" }, { again: "重试" });

interface FailureCardProps {
  readonly failure: Pick<StudioError, "code" | "facts">;
  /** Whether it is all that the page shows. */
  readonly isPage?: boolean;
  /** Tries again on demand. */
  readonly onRetry?: () => unknown;
  /** What else can be done: buttons and links. */
  readonly children?: ComponentChildren;
}

/** Says why something could not be loaded, and what can be done. */
export function FailureCard({ failure, isPage = false, onRetry, children }: FailureCardProps) {
  const { title, text } = explainError(failure);
  const { requestId } = failure.facts;
  const Heading = isPage ? "h1" : "h2";
  const card = (
    <div class="notice bad" role="alert">
      <Icon name={failure.code === "OFFLINE" ? "offline" : "warn"} />
      <div>
        <Heading>{title}</Heading>
        <p>{text}</p>
        {requestId && <p class="ref mono">{requestId}</p>}
        {(onRetry || children) && (
          <div class="acts">
            {onRetry && (
              <button type="button" class="btn small soft" onClick={onRetry}>
                {t.again}
              </button>
            )}
            {children}
          </div>
        )}
      </div>
    </div>
  );
  if (!isPage) return card;
  return (
    <main class="lonely" tabIndex={-1}>
      {card}
    </main>
  );
}
