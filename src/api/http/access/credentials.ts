import { hash, timingSafeEqual } from "node:crypto";
import type { Request, RequestHandler } from "express";
import { GatewayError } from "../../../errors.ts";
import { PUBLIC_PROJECT } from "../../../ports/records.ts";
import type { ApiKeys } from "../../../service/projects/api-keys.ts";
import type { Caller } from "../../../service/projects/caller.ts";
import { checkEndUser } from "../../../service/projects/end-user.ts";
import type { Identities } from "../../../service/projects/identities.ts";
import type { ProjectService } from "../../../service/projects/project-service.ts";
import { contextOf, type RequestContext } from "../request-context.ts";
import { upgradeOf } from "../upgrade.ts";
import { type Introduction, mergeIntroductions, onlyValue, readHeaders, readParams, secretOf } from "./introduction.ts";

export interface CredentialsOptions {
  /** Where WebSockets open. Only they may send their credentials later. */
  readonly socketPath: string;
  /** Each of them may do everything. */
  readonly adminKeys: readonly string[];
  readonly apiKeys: ApiKeys;
  /** Checks JWTs; `undefined` if no identity provider is configured. */
  readonly identities: Identities | undefined;
  readonly projects: Pick<ProjectService, "allowsAnonymous" | "requireProject">;
}

/** The digits of an admin key's hash that the audit log shows. They tell admin keys apart. */
const HINT_LENGTH = 8;
const GET_IMAGE = /^\/get-image\/?$/;
/** Three parts of base64url between dots. The last one is empty if the JWT is unsigned. No API key contains a dot. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * Requires credentials for every request that reaches it, and sets the caller of the request. A WebSocket may send its
 * credentials later, in its first message, because browsers cannot send headers with the upgrade.
 */
export function requireCredentials(options: CredentialsOptions): RequestHandler {
  const adminHashes = options.adminKeys.map(digest);
  return async (request, _response, next) => {
    const context = contextOf(request);
    const introduction = readHeaders(request);
    const secret = secretOf(introduction);
    const isSocket = isSocketRequest(request);
    if (isSocket) {
      context.introduce = async (params) => {
        const merged = mergeIntroductions(introduction, readParams(params));
        const sent = secretOf(merged);
        if (sent === undefined) throw missing();
        await identify(context, sent, merged);
      };
    }
    if (secret !== undefined) await identify(context, secret, introduction);
    else if (!isSocket) await admitAnonymous(request, context);
    next();
  };

  /** Any other request may ask for an upgrade too, and gets an answer over HTTP. */
  function isSocketRequest(request: Request): boolean {
    const path = request.path.toLowerCase().replace(/\/$/, "");
    return request.method === "GET" && path === options.socketPath && upgradeOf(request) !== undefined;
  }

  /** Sets the caller of the request. @throws UNAUTHENTICATED, FORBIDDEN, BAD_USER_INPUT, NOT_FOUND, OVERLOADED */
  async function identify(context: RequestContext, secret: string, introduction: Introduction): Promise<void> {
    const projectId = onlyValue("Pictograph-Project", introduction.project);
    const endUser = onlyValue("Pictograph-End-User", introduction.endUser);
    const named = endUser === undefined ? {} : { endUser: checkEndUser("Pictograph-End-User", endUser) };
    const adminKeyHint = adminHintOf(secret);
    if (adminKeyHint !== undefined) {
      if (projectId !== undefined) await options.projects.requireProject(projectId);
      context.caller = { projectId: projectId ?? PUBLIC_PROJECT, ...named, isAdmin: true, adminKeyHint };
      return;
    }
    const { caller, watch } = JWT.test(secret) ? await identifyByJwt(secret, endUser) : await identifyByKey(secret);
    if (projectId !== undefined && projectId !== caller.projectId) {
      throw new GatewayError("FORBIDDEN", "Pictograph-Project names another project than the credentials belong to");
    }
    context.caller = { ...caller, ...named };
    context.onCredentialsEnd = watch;
  }

  /** Returns the hint of an admin key; `undefined` when the secret is not an admin key. */
  function adminHintOf(secret: string): string | undefined {
    const secretHash = digest(secret);
    // Compares with all keys, so that the duration does not reveal which of them matches.
    const isAdmin = adminHashes.filter((adminHash) => timingSafeEqual(adminHash, secretHash)).length > 0;
    return isAdmin ? secretHash.toString("hex").slice(0, HINT_LENGTH) : undefined;
  }

  async function identifyByKey(token: string): Promise<Identified> {
    const caller = await options.apiKeys.authenticate(token);
    return { caller, watch: (end) => options.apiKeys.watch(token, end) };
  }

  async function identifyByJwt(token: string, namedEndUser: string | undefined): Promise<Identified> {
    const { identities } = options;
    if (!identities) {
      throw new GatewayError(
        "UNAUTHENTICATED",
        "this gateway takes no JWTs; PICTOGRAPH_JWT_ISSUER sets whose it takes",
      );
    }
    const identity = await identities.authenticate(token);
    if (namedEndUser !== undefined) {
      throw new GatewayError("FORBIDDEN", "a JWT names its end user itself; leave out Pictograph-End-User");
    }
    const { projectId, endUser } = identity;
    return { caller: { projectId, endUser }, watch: (end) => identities.watch(identity, end) };
  }

  /** Admits a page from 2022, which sends no key. @throws UNAUTHENTICATED */
  async function admitAnonymous(request: Request, context: RequestContext): Promise<void> {
    const isOldPage = request.method === "POST" && GET_IMAGE.test(request.path);
    if (!isOldPage || !(await options.projects.allowsAnonymous())) throw missing();
    context.caller = { projectId: PUBLIC_PROJECT, network: context.network };
  }
}

/** A caller, and a function that reports the end of its credentials. */
interface Identified {
  readonly caller: Caller;
  readonly watch: RequestContext["onCredentialsEnd"];
}

function digest(secret: string): Buffer {
  return hash("sha256", secret, "buffer");
}

function missing(): GatewayError {
  return new GatewayError(
    "UNAUTHENTICATED",
    "this gateway needs credentials; send an API key: Authorization: Bearer pgk_…, or X-API-Key: pgk_…",
  );
}
