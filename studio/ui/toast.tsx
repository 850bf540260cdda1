import { signal } from "@preact/signals";
import "./toast.css";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void };
  /** Runs when the toast goes without its action. */
  readonly onExpire?: () => void;
}

/** How long a message stays, and how long a deletion can be undone. */
const SHOWN_MS = 8000;
/** More than one hides the bar on a phone. */
const MAX_SHOWN = 3;

const toasts = signal<readonly Toast[]>([]);
let nextId = 1;

/**
 * Shows a message for eight seconds. A deletion passes the deletion itself as `onExpire` and its undoing as `action`:
 * it then happens when the message goes.
 */
export function showToast(text: string, options: Pick<Toast, "action" | "onExpire"> = {}): void {
  const toast = { id: nextId++, text, ...options };
  const [oldest] = toasts.value;
  if (oldest && toasts.value.length >= MAX_SHOWN) expire(oldest);
  toasts.value = [...toasts.value, toast];
  setTimeout(() => expire(toast), SHOWN_MS);
}

// What was deleted stays deleted when the page is closed before the message goes.
addEventListener("pagehide", () => toasts.value.forEach(expire));

function expire(toast: Toast): void {
  if (take(toast)) toast.onExpire?.();
}

/** Removes a message; false if it is gone already. */
function take({ id }: Toast): boolean {
  const rest = toasts.value.filter((other) => other.id !== id);
  const isThere = rest.length < toasts.value.length;
  toasts.value = rest;
  return isThere;
}

/** The place of the messages. Screen readers speak them when they come. */
export function Toasts() {
  return (
    <div class="toasts" role="status">
      {toasts.value.map((toast) => (
        <div key={toast.id} class="toast">
          <span>{toast.text}</span>
          {toast.action && (
            <button type="button" class="btn small" onClick={() => take(toast) && toast.action?.run()}>
              {toast.action.label}
            </button>
          )}
        </div>
      ))}
    </div>
  );
}
