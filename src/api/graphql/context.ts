import DataLoader from "dataloader";
import type { Response } from "express";
import type { GraphQLResolveInfo } from "graphql";
import type { Logger } from "pino";
import type { GatewayError } from "../../errors.ts";
import type { ApiKey, Project } from "../../ports/projects.ts";
import type { Generation, Image } from "../../ports/records.ts";
import type { ImageService } from "../../service/image-service.ts";
import type { Caller } from "../../service/projects/caller.ts";
import type { ProjectService } from "../../service/projects/project-service.ts";
import type { RequestContext } from "../http/request-context.ts";
import { setSunset } from "../http/sunset-header.ts";
import { OperationAllowance } from "./limits/operation-allowance.ts";

/** Who asks, as the server knows it that runs the operation. It is that server's context value. */
export interface OperationRequest {
  readonly caller: Caller;
  /** The gateway's root URL for this caller, without a trailing slash. Image URLs begin with it. */
  readonly rootUrl: string;
  /** The `Idempotency-Key` header, for inputs that name no key of their own. */
  readonly idempotencyKey: string | undefined;
  readonly logger: Logger;
  /** Told when a model that the answer is about ends soon; `undefined` where answers have no headers of their own. */
  onSunset?(sunset: Date | undefined): void;
}

/**
 * The context value of the gateway's own server, which copies it: what it has of the request stays where it is, and the
 * logger unmade until somebody logs.
 */
export class ApiRequest implements OperationRequest {
  readonly idempotencyKey: string | undefined;
  private readonly request: RequestContext;
  private readonly response: Response | undefined;

  /** @param response `undefined` where each operation has none of its own */
  constructor(request: RequestContext, idempotencyKey: string | undefined, response?: Response) {
    this.request = request;
    this.idempotencyKey = idempotencyKey;
    this.response = response;
  }

  onSunset(sunset: Date | undefined): void {
    if (this.response) setSunset(this.response, sunset);
  }

  /** @throws RATE_LIMITED when the client's address has sent too many */
  countOperation(): void {
    this.request.countOperation();
  }

  /** @throws UNAUTHENTICATED, FORBIDDEN */
  introduce(params: Readonly<Record<string, unknown>>): Promise<void> {
    return this.request.introduce(params);
  }

  /** Calls back, at most once, when the credentials of the request end. @returns takes that back */
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
  /** Loaders for everything that is read by id. They combine the reads of one operation into one store query. */
  readonly loaders: Loaders;
  /** Checked by every mutation that generates images, and for every prompt in the answer. */
  readonly allowance: OperationAllowance;
}

export interface Loaders {
  readonly generation: DataLoader<string, Generation | undefined>;
  readonly image: DataLoader<string, Image | undefined>;
  readonly imagesOf: DataLoader<string, Image[]>;
  readonly project: DataLoader<string, Project | undefined>;
  readonly apiKey: DataLoader<string, ApiKey | undefined>;
}

/** What resolvers call. */
export interface Services {
  readonly images: ImageService;
  readonly projects: ProjectService;
}

/** Gives each execution of an operation one context, which all its resolvers share. */
export type ToContext = (contextValue: unknown, info: GraphQLResolveInfo) => GraphQLContext | Promise<GraphQLContext>;

/** @param requestOf reads the context value of the server that runs the operations */
export function contextFor(
  services: Services,
  requestOf: (contextValue: unknown) => OperationRequest | Promise<OperationRequest>,
): ToContext {
  // A context value may be shared by several operations, and by all events of a subscription; the variables are made
  // anew for each execution. What was loaded for one of them could be out of date for the next. The context is on them
  // and not in a WeakMap, the values of which outlive the collections of the young generation.
  const key = Symbol("context");
  return (contextValue, { variableValues }) => {
    const known = (variableValues as { readonly [key]?: ReturnType<ToContext> })[key];
    if (known) return known;
    const request = requestOf(contextValue);
    const create = (each: OperationRequest) => createContext(services, each);
    const context = request instanceof Promise ? request.then(create) : create(request);
    // Where they are frozen each field has a context of its own: less is read together, and nothing else changes.
    Reflect.defineProperty(variableValues, key, { value: context });
    return context;
  };
}

function createContext({ images: service, projects }: Services, request: OperationRequest): GraphQLContext {
  const { caller } = request;
  const loaders = {
    generation: new DataLoader((ids: readonly string[]) => service.generations(caller, ids)),
    image: new DataLoader((ids: readonly string[]) => service.images(caller, ids)),
    imagesOf: new DataLoader((ids: readonly string[]) => service.imagesOf(ids)),
    project: new DataLoader((ids: readonly string[]) => projects.projects(caller, ids)),
    apiKey: new DataLoader((ids: readonly string[]) => projects.apiKeys(caller, ids)),
  };
  return { request, service, projects, loaders, allowance: new OperationAllowance() };
}
