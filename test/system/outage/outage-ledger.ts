import { HTTP_STATUS } from "../../../src/api/http/answers/status.ts";
import { ERROR_CODES } from "../../../src/errors.ts";
import type { HttpAnswer } from "../../support/clients/http-request.ts";

export type OutageEntry = "REST" | "GraphQL" | "image";

/** An answer as read by a client. */
export interface ReadAnswer {
  /** The most specific of its status, its error code and its generation's status. */
  readonly label: string;
  readonly isFailure: boolean;
  /** The parsed body; `undefined` if it could not be parsed. */
  readonly body: unknown;
}

/** The answer of `/get-image` for a failed generation, however long ago it failed. */
export const ENDED_BADLY = "502";

/** The answers during an outage, and the problems in them. */
export class OutageLedger {
  /** Answers that must never occur, in words. */
  readonly misshapen: string[] = [];
  #answersWhileAway = new Map<string, number>();
  #answersAfterWaiting = new Map<string, number>();
  /** Answers that are acceptable during an outage and wrong without one. */
  #phase = 0;

  get isAway(): boolean {
    return this.#phase % 2 === 1;
  }

  /** For example `REST 500`, with their number, in the current or latest outage. */
  get answersWhileAway(): ReadonlyMap<string, number> {
    return this.#answersWhileAway;
  }

  /** For requests that were still open when the outage ended. */
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

  /** Sends a request and reads the answer. `undefined` if there was none, which a running gateway must not do. */
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

/** Each function throws if an answer is wrong. */
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

/** Details that only the operator may read: system calls, hosts, programs, lines of code. */
const INTERNAL_TEXT = [
  /\bE[A-Z]{4,}\b/,
  /postgres|\bpg\b|\bs3\b|\bsql\b|socket|connect|terminat|127\.0\.0\.1|\.[jt]s\b/i,
];

/** An outage is temporary and not the gateway's fault: the answer must say when to try again. */
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
