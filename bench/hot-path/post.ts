import { type Agent, request } from "node:http";

/** How much of an answer is kept as text: more than an answer with URLs has. */
const MAX_TEXT_BYTES = 100_000;

export interface Answer {
  /** The beginning of the answer; of megabytes, only their arrival counts. */
  readonly text: string;
  readonly byteCount: number;
}

/** Posts JSON, and resolves when the whole answer has arrived. */
export function post(url: string, body: object, agent: Agent, key?: string): Promise<Answer> {
  const content = JSON.stringify(body);
  const headers = {
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    "content-type": "application/json",
    "content-length": Buffer.byteLength(content),
  };
  return new Promise((resolve, reject) => {
    request(url, { method: "POST", agent, headers }, (response) => {
      let text = "";
      let byteCount = 0;
      response.on("data", (chunk: Buffer) => {
        if (byteCount < MAX_TEXT_BYTES) text += chunk.toString("latin1");
        byteCount += chunk.byteLength;
      });
      response.on("end", () => resolve({ text, byteCount }));
      response.on("error", reject);
    })
      .on("error", reject)
      .end(content);
  });
}
