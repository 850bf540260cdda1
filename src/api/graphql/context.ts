import type { Response } from "express";
import type { GraphQLResolveInfo } from "graphql";
import type { Logger } from "pino";
import type { GatewayError } from "../../errors.ts";
import type { RateStatus } from "../../ports/projects/rates.ts";
import type { ImageService } from "../../service/image-service.ts";
import type { Caller } from "../../service/projects/caller.ts";
import type { LedgerService } from "../../service/projects/ledger-service.ts";
import type { ProjectService } from "../../service/projects/project-service.ts";
import type { WebhookService } from "../../service/webhooks/webhook-service.ts";
import { setRateLimits } from "../http/answers/rate-limit-headers.ts";
import { setSunset } from "../http/answers/sunset-header.ts";
import type { RequestContext } from "../http/request-context.ts";
import { OperationAllowance } from "./limits/operation-allowance.ts";
import { type LoaderSources, Loaders } from "./loaders.ts";

/** The facts about a request that the server which runs the operation provides, as its context value. */
export interface OperationRequest {
  readonly caller: Caller;
  /** The gateway's root URL for this caller, without a trailing slash. Image URLs begin with it. */
  readonly rootUrl: string;
  /** The `Idempotency-Key` header, for inputs that name no key of their own. */
  readonly idempotencyKey: string | undefined;
  readonly logger: Logger;
  /**
   * Called when the answer involves a model that shuts down soon. `undefined` if answers have no headers of their own.
   */
  onSunset?(sunset: Date | undefined): void;
  /** Called with the rest of the caller's rate limits; `undefined` for transports whose answers have no headers. */
  onRates?(rates: readonly RateStatus[]): void;
}

/**
 * The context value of the gateway's own server. The server copies the properties of its context value. The getters are
 * not copied, so the logger is created only when something is logged.
 */
export class ApiRequest implements OperationRequest {
  readonly idempotencyKey: string | undefined;
  private readonly request: RequestContext;
  private readonly response: Response | undefined;

  /** @param response `undefined` when the operation has no HTTP response of its own */
  constructor(request: RequestContext, idempotencyKey: string | undefined, response?: Response) {
    this.request = request;
    this.idempotencyKey = idempotencyKey;
    this.response = response;
  }

  onSunset(sunset: Date | undefined): void {
    if (this.response) setSunset(this.response, sunset);
  }

  onRates(rates: readonly RateStatus[]): void {
    if (this.response) setRateLimits(this.response, rates);
  }

  /** Counts an operation. @throws RATE_LIMITED when the client's address has sent too many */
  countOperation(): void {
    this.request.countOperation();
  }

  /** Reads the credentials in a WebSocket's first message. @throws UNAUTHENTICATED, FORBIDDEN */
  introduce(params: Readonly<Record<string, unknown>>): Promise<void> {
    return this.request.introduce(params);
  }

  /** Calls `end` once when the credentials of the request end. @returns a function that cancels this */
  onCredentialsEnd(end: (reason: GatewayError) => void): () => void {
    return this.request.onCredentialsEnd(end);
  }

  /** `req_…` */
  get id(): string {
    return this.request.id;
  }

  get caller(): Caller {
    return this.request.caller;
  }

  get rootUrl(): string {
    return this.request.rootUrl;
  }

  get logger(): Logger {
    return this.request.logger;
  }
}

/** The context of one operation, for its resolvers. */
export interface GraphQLContext {
  readonly request: OperationRequest;
  readonly service: ImageService;
  readonly projects: ProjectService;
  readonly ledger: LedgerService;
  readonly webhooks: WebhookService;
  readonly loaders: Loaders;
  /** Checked by every mutation that generates images, and for every prompt in the answer. */
  readonly allowance: OperationAllowance;
}

/** The services that resolvers call. */
export interface Services extends LoaderSources {
  readonly webhooks: WebhookService;
}

/** Returns the context of an execution. All resolvers of one execution share it. */
export type ToContext = (contextValue: unknown, info: GraphQLResolveInfo) => GraphQLContext | Promise<GraphQLContext>;

/** Creates contexts. @param requestOf reads the context value of the server that runs the operations */
export function contextFor(
  services: Services,
  requestOf: (contextValue: unknown) => OperationRequest | Promise<OperationRequest>,
): ToContext {
  // Several operations, or all events of a subscription, may share one context value. The variables are a new object
  // for each execution, so the context is attached to them: data loaded for one execution could be out of date for the
  // next. A WeakMap would keep its values through collections of the young generation.
  const key = Symbol("context");
  return (contextValue, { variableValues }) => {
    const known = (variableValues as { readonly [key]?: ReturnType<ToContext> })[key];
    if (known) return known;
    const request = requestOf(contextValue);
    const create = (each: OperationRequest) => createContext(services, each);
    const context = request instanceof Promise ? request.then(create) : create(request);
    // If the variables are frozen, each field gets its own context. Then fewer reads are combined; nothing else
    // changes.
    Reflect.defineProperty(variableValues, key, { value: context });
    return context;
  };
}

function createContext(services: Services, request: OperationRequest): GraphQLContext {
  const { images: service, projects, ledger, webhooks } = services;
  const loaders = new Loaders(services, request.caller);
  return { request, service, projects, ledger, webhooks, loaders, allowance: new OperationAllowance() };
}
