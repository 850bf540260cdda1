import { HTTP_STATUS } from "../../../src/api/http/answers/status.ts";
import { ERROR_CODES } from "../../../src/errors.ts";
import type { HttpAnswer } from "../../support/clients/http-request.ts";

export type OutageEntry = "REST" | "GraphQL" | "image";

/** An answer as a client reads it. */
export interface ReadAnswer {
  /** Its status, its error's code, or the status of the generation it tells of: whatever says most. */
  readonly label: string;
  readonly isFailure: boolean;
  /** The body, parsed; `undefined` when it was none to parse. */
  readonly body: unknown;
}

/** What `/get-image` answers when the generation has failed, however long ago. */
export const ENDED_BADLY = "502";

/** How requests were answered while something was away, and what was wrong with their answers. */
export class OutageLedger {
  /** What an answer may never be, in words. */
  readonly misshapen: string[] = [];
  #answersWhileAway = new Map<string, number>();
  #answersAfterWaiting = new Map<string, number>();
  /** Even while everything is there, odd while something is away. */
  #phase = 0;

  get isAway(): boolean {
    return this.#phase % 2 === 1;
  }

  /** Such as `REST 500`, with how many there were; of this outage, or the last one. */
  get answersWhileAway(): ReadonlyMap<string, number> {
    return this.#answersWhileAway;
  }

  /** Of requests that were open when everything was back. */
  get answersAfterWaiting(): ReadonlyMap<string, number> {
    return this.#answersAfterWaiting;
  }

  goAway(): void {
    this.#phase++;
    this.#answersWhileAway = new Map();
    this.#answersAfterWaiting = new Map();
  }

  comeBack(): void {
    this.#phase++;
  }

  /** Sends a request and reads its answer. `undefined` when there was none, which no gateway that lives may do. */
  async send(api: OutageEntry, request: () => Promise<HttpAnswer>): Promise<ReadAnswer | undefined> {
    const sentIn = this.#phase;
    try {
      const answer = READERS[api](await request());
      const name = `${api} ${answer.label}`;
      if (this.isAway) count(this.#answersWhileAway, name);
      else if (sentIn < this.#phase) count(this.#answersAfterWaiting, name);
      else if (answer.isFailure && answer.label !== ENDED_BADLY)
        this.misshapen.push(`${name}, though nothing was away`);
      return answer;
    } catch (error) {
      this.misshapen.push(`${api}: ${error}`);
      return undefined;
    }
  }
}

/** Each throws what is wrong with an answer. */
const READERS: Readonly<Record<OutageEntry, (answer: HttpAnswer) => ReadAnswer>> = {
  REST({ status, headers, body }) {
    const text = body.toString();
    const { urlResponse, errorMessage } = JSON.parse(text) as {
      readonly urlResponse: { readonly urlList: readonly string[] };
      readonly errorMessage: string;
    };
    const isFailure = status !== 200;
    if (isFailure !== (urlResponse.urlList.length === 0)) throw new Error(`${status} with the body ${text}`);
    if (isFailure) checkFailure(status, errorMessage, headers["retry-after"]);
    return { label: String(status), isFailure, body: urlResponse.urlList };
  },
  GraphQL({ status, body }) {
    const { data, errors } = JSON.parse(body.toString()) as {
      readonly data?: { readonly told: { readonly status: string } } | null;
      readonly errors?: readonly {
        readonly message: string;
        readonly extensions: { readonly code: string; readonly retryAfterSeconds?: number };
      }[];
    };
    if (status !== 200) throw new Error(`the status ${status}`);
    for (const { message, extensions } of errors ?? []) {
      const code = ERROR_CODES.find((known) => known === extensions.code);
      if (!code) throw new Error(`the code ${extensions.code}`);
      checkFailure(HTTP_STATUS[code], message, extensions.retryAfterSeconds);
    }
    const [error] = errors ?? [];
    if ((error === undefined) === (data === undefined || data === null)) throw new Error(`the body ${body}`);
    const told = data?.told;
    return { label: error?.extensions.code ?? told?.status ?? "", isFailure: error !== undefined, body: told };
  },
  image({ status, headers, body }) {
    if (status === 302) return { label: "302", isFailure: false, body: headers.location };
    const { error } = JSON.parse(body.toString()) as { readonly error: { readonly message: string } };
    checkFailure(status, error.message, headers["retry-after"]);
    return { label: String(status), isFailure: true, body: undefined };
  },
};

/** What only the operator may read: system calls, places, programs, lines of code. */
const INTERNAL_TEXT = [
  /\bE[A-Z]{4,}\b/,
  /postgres|\bpg\b|\bs3\b|\bsql\b|socket|connect|terminat|127\.0\.0\.1|\.[jt]s\b/i,
];

/** That something is away is no fault of the gateway's own, and passes: it says when to come back. */
function checkFailure(status: number, message: string, retryAfter: unknown): void {
  if (!Object.values(HTTP_STATUS).includes(status) || status === HTTP_STATUS.INTERNAL) {
    throw new Error(`the status ${status}: ${message}`);
  }
  if (status === HTTP_STATUS.OVERLOADED && retryAfter === undefined)
    throw new Error(`503 that names no time: ${message}`);
  if (!/\w+ \w+/.test(message)) throw new Error(`a message that says nothing: ${message}`);
  if (INTERNAL_TEXT.some((text) => text.test(message))) throw new Error(`a message with internal text: ${message}`);
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
