import type { RequestHandler } from "express";
import { upgradeOf } from "./upgrade.ts";

/** Which requests are being answered, so that what their answers need is not taken away before. */
export class OpenAnswers {
  #open = 0;
  #whenIdle: (() => void)[] = [];

  readonly track: RequestHandler = (request, response, next) => {
    // Whoever takes a connection over ends it, without an answer.
    if (upgradeOf(request)) return next();
    this.#open++;
    response.once("close", () => {
      this.#open--;
      if (this.#open > 0) return;
      for (const resolve of this.#whenIdle.splice(0)) resolve();
    });
    next();
  };

  /** Resolves when no request is being answered, or after `timeoutMs` milliseconds. */
  async idle(timeoutMs: number): Promise<void> {
    if (this.#open === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenIdle.push(resolve);
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
  }
}
