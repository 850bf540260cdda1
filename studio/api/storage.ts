/** Where the browser keeps texts: until the tab is closed, or for good. */
type Place = "sessionStorage" | "localStorage";

/**
 * A text that the browser keeps. People may forbid that, and it may be full: then nothing is kept, and everything else
 * works.
 */
export class StoredText {
  readonly #place: Place;
  readonly #name: string;

  constructor(place: Place, name: string) {
    this.#place = place;
    this.#name = `pictograph.${name}`;
  }

  read(): string | undefined {
    try {
      return window[this.#place].getItem(this.#name) ?? undefined;
    } catch {
      return undefined;
    }
  }

  /** @param text `undefined` to forget it */
  write(text: string | undefined): void {
    try {
      if (text === undefined) window[this.#place].removeItem(this.#name);
      else window[this.#place].setItem(this.#name, text);
    } catch {
      // Nothing is kept.
    }
  }
}

/** Forgets all texts that are kept until the tab is closed. */
export function forgetSession(): void {
  try {
    for (const name of Object.keys(sessionStorage)) {
      if (name.startsWith("pictograph.")) sessionStorage.removeItem(name);
    }
  } catch {
    // Nothing was kept.
  }
}
