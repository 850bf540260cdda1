import { createHash, timingSafeEqual } from "node:crypto";
import type { Request, RequestHandler } from "express";
import { GatewayError } from "../../../errors.ts";
import { PUBLIC_PROJECT } from "../../../ports/records.ts";
import type { ApiKeys } from "../../../service/projects/api-keys.ts";
import type { Caller } from "../../../service/projects/caller.ts";
import { checkEndUser } from "../../../service/projects/end-user.ts";
import type { ProjectService } from "../../../service/projects/project-service.ts";
import { contextOf, type RequestContext } from "../request-context.ts";
import { upgradeOf } from "../upgrade.ts";

export interface CredentialsOptions {
  /** Any of them does everything. */
  readonly adminKeys: readonly string[];
  readonly apiKeys: ApiKeys;
  readonly projects: Pick<ProjectService, "allowsAnonymous" | "requireProject">;
}

/** What a request says of who sends it: header by header, every value. */
interface Introduction {
  readonly authorization: readonly string[];
  readonly apiKey: readonly string[];
  readonly project: readonly string[];
  readonly endUser: readonly string[];
}

const NAMES = {
  authorization: "authorization",
  "x-api-key": "apiKey",
  "pictograph-project": "project",
  "pictograph-end-user": "endUser",
} as const satisfies Readonly<Record<string, keyof Introduction>>;

/** Digits of the hash of an admin key that tell it from another one in the log. */
const HINT_LENGTH = 8;
const GET_IMAGE = /^\/get-image\/?$/;
const HOW = "send an API key: Authorization: Bearer pgk_…, or X-API-Key: pgk_…";

/**
 * Lets nobody pass who does not say who it is. A WebSocket may say it later, in its first message: browsers can send no
 * headers with it.
 */
export function requireCredentials(options: CredentialsOptions): RequestHandler {
  const adminHashes = options.adminKeys.map(digest);
  return async (request, _response, next) => {
    const context = contextOf(request);
    const introduction = readHeaders(request);
    const secret = secretOf(introduction);
    if (upgradeOf(request)) {
      context.introduce = async (params) => {
        const later = readParams(params);
        const merged = mergeIntroductions(introduction, later);
        const both = secretOf(merged);
        if (both === undefined) throw missing();
        await identify(context, both, merged);
      };
    }
    if (secret !== undefined) await identify(context, secret, introduction);
    else if (!upgradeOf(request)) await admitAnonymous(request, context);
    next();
  };

  async function identify(context: RequestContext, secret: string, introduction: Introduction): Promise<void> {
    const hash = digest(secret);
    // All are compared, whichever is equal: the time tells nothing.
    const isAdmin = adminHashes.filter((adminHash) => timingSafeEqual(adminHash, hash)).length > 0;
    const projectId = oneOf("Pictograph-Project", introduction.project);
    const endUser = oneOf("Pictograph-End-User", introduction.endUser);
    const named = endUser === undefined ? {} : { endUser: checkEndUser("Pictograph-End-User", endUser) };
    if (isAdmin) {
      if (projectId !== undefined) await options.projects.requireProject(projectId);
      const adminKeyHint = hash.toString("hex").slice(0, HINT_LENGTH);
      context.caller = { projectId: projectId ?? PUBLIC_PROJECT, ...named, isAdmin, adminKeyHint };
      return;
    }
    const caller: Caller = { ...(await options.apiKeys.authenticate(secret)), ...named };
    if (projectId !== undefined && projectId !== caller.projectId) {
      throw new GatewayError("FORBIDDEN", "Pictograph-Project names another project than the API key belongs to");
    }
    context.caller = caller;
    context.onCredentialsEnd = (end) => options.apiKeys.watch(secret, end);
  }

  /** The pages of 2022 send no key. @throws UNAUTHENTICATED */
  async function admitAnonymous(request: Request, context: RequestContext): Promise<void> {
    const isOldPage = request.method === "POST" && GET_IMAGE.test(request.path);
    if (!isOldPage || !(await options.projects.allowsAnonymous())) throw missing();
    context.caller = { projectId: PUBLIC_PROJECT, network: context.network };
  }
}

/**
 * The one secret that was sent; `undefined` for none.
 *
 * @throws UNAUTHENTICATED when there are several, or one that is none
 */
function secretOf({ authorization, apiKey }: Introduction): string | undefined {
  const bearers = authorization.map((value) => {
    const { secret } = /^Bearer +(?<secret>[\x21-\x7e]+)$/i.exec(value)?.groups ?? {};
    if (secret === undefined) throw unauthenticated(`Authorization is not of the form Bearer pgk_…; ${HOW}`);
    return secret;
  });
  const secrets = new Set([...bearers, ...apiKey]);
  if (secrets.size > 1) {
    const where = bearers.length > 0 && apiKey.length > 0 ? "Authorization and X-API-Key carry" : "the request carries";
    throw unauthenticated(`${where} different credentials; send one of them`);
  }
  const [secret] = secrets;
  return secret;
}

function readHeaders(request: Request): Introduction {
  return toIntroduction((name) => (request.headersDistinct[name] ?? []).map(toUtf8));
}

/** @param params of a WebSocket's first message; names in any case */
function readParams(params: Readonly<Record<string, unknown>>): Introduction {
  const entries = Object.entries(params).map(([name, value]) => [name.toLowerCase(), value] as const);
  return toIntroduction((name) => {
    const values = entries.flatMap(([given, value]) => (given === name && value != null ? [value] : []));
    if (values.every((value) => typeof value === "string")) return values;
    throw unauthenticated(`${name} must be a text`);
  });
}

function toIntroduction(valuesOf: (name: string) => readonly string[]): Introduction {
  const entries = Object.entries(NAMES).map(([name, field]) => [field, valuesOf(name)] as const);
  return Object.fromEntries(entries) as unknown as Introduction;
}

function mergeIntroductions(first: Introduction, second: Introduction): Introduction {
  return toIntroduction((name) => {
    const field = NAMES[name as keyof typeof NAMES];
    return [...first[field], ...second[field]];
  });
}

/** @throws BAD_USER_INPUT when a header has several values */
function oneOf(name: string, values: readonly string[]): string | undefined {
  const [value, ...others] = new Set(values);
  if (others.length > 0) throw new GatewayError("BAD_USER_INPUT", `${name} has several values; send one`);
  return value;
}

/** Node reads headers as Latin-1, whatever they are. */
function toUtf8(header: string): string {
  return Buffer.from(header, "latin1").toString();
}

function digest(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

function missing(): GatewayError {
  return unauthenticated(`this gateway needs credentials; ${HOW}`);
}

function unauthenticated(message: string): GatewayError {
  return new GatewayError("UNAUTHENTICATED", message);
}
