import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { z } from "zod";
import type { PixelSize } from "../../../src/ports/image-provider.ts";
import { plainImage } from "../gateways/scripted-provider.ts";

/** The part of a vendor's API that makes images. */
export interface VendorRules {
  /** The key in a call; the vendor refuses calls without the right one. */
  keyOf(headers: IncomingHttpHeaders): string | undefined;
  readonly routes: readonly VendorRoute[];
  /** The vendor's answer to an invalid call. */
  problem(text: string): object;
  /** The list at `…/models`, for vendors that have one. */
  readonly models?: object;
}

export interface VendorRoute {
  readonly path: RegExp;
  /** The documented parameters. Objects are strict: an unknown parameter fails. */
  readonly schema: z.ZodType;
  /** The size of the images that the vendor makes for a valid call. */
  sizeOf(body: never): PixelSize;
  /** The number of images. @defaultValue the call's `n` */
  countOf?(body: never): number;
  /** The vendor's answer with these images. @param origin where the server serves `/made/<index>.png` */
  answer(images: readonly string[], origin: string): object;
}

/** A refusal that the next calls get in place of images. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface StrictVendor {
  readonly origin: string;
  /** The bodies of valid calls. A form's files are shown by their types. */
  readonly calls: readonly { readonly path: string; readonly body: Readonly<Record<string, unknown>> }[];
  /** The problems of the calls. */
  readonly problems: readonly string[];
  refusal: Refusal | undefined;
  close(): Promise<void>;
}

/** Starts a local server as strict as a vendor. */
export async function startStrictVendor(rules: VendorRules, key: string | undefined): Promise<StrictVendor> {
  const calls: { path: string; body: Readonly<Record<string, unknown>> }[] = [];
  const problems: string[] = [];
  let made: readonly string[] = [];
  const http = createServer((incoming, outgoing) => {
    void receive(incoming, outgoing).catch((error: unknown) => {
      problems.push(String(error));
      outgoing.destroy();
    });
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const vendor: StrictVendor = {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    calls,
    problems,
    refusal: undefined,
    async close() {
      const closed = once(http, "close");
      http.close();
      http.closeAllConnections();
      await closed;
    },
  };

  async function receive(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const path = incoming.url ?? "";
    const send = (status: number, body: object) => {
      outgoing.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    const refuse = (status: number, text: string) => {
      problems.push(`${path}: ${text}`);
      send(status, rules.problem(text));
    };
    const content = await buffer(incoming);
    const [, index] = /^\/made\/(\d)\.png$/.exec(path) ?? [];
    if (index !== undefined) {
      return void outgoing.writeHead(200, { "content-type": "image/png" }).end(made[Number(index)] ?? "", "base64");
    }
    if (incoming.method === "GET" && path.endsWith("/models") && rules.models) return send(200, rules.models);
    const route = rules.routes.find((candidate) => candidate.path.test(path));
    if (incoming.method !== "POST" || !route) return refuse(404, `no such route: ${incoming.method}`);
    if (key !== undefined && rules.keyOf(incoming.headers) !== key) return refuse(401, "wrong key");
    if (vendor.refusal) {
      const { status, headers, body } = vendor.refusal;
      return void outgoing.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
    }
    const read = route.schema.safeParse(await parse(incoming.headers, content));
    if (read.error)
      return refuse(400, read.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`).join());
    const body = read.data as never;
    calls.push({ path, body });
    const { width, height } = route.sizeOf(body);
    const count = route.countOf?.(body) ?? (body as { readonly n?: number }).n ?? 1;
    const image = (await plainImage(width, height, 1, "PNG")).toString("base64");
    made = Array<string>(count).fill(image);
    send(200, route.answer(made, vendor.origin));
  }
  return vendor;
}

/** Reads JSON or a form: texts, numbers, and for each name the types of its files. */
async function parse(headers: IncomingHttpHeaders, content: Buffer<ArrayBuffer>): Promise<unknown> {
  const type = headers["content-type"] ?? "";
  if (!type.startsWith("multipart/form-data")) return JSON.parse(content.toString());
  const form = await new Response(content, { headers: { "content-type": type } }).formData();
  const fields: Record<string, unknown> = {};
  for (const [name, value] of form) {
    if (typeof value === "string") fields[name] = /^\d+$/.test(value) ? Number(value) : value;
    else fields[name] = [...((fields[name] as string[] | undefined) ?? []), value.type];
  }
  return fields;
}
