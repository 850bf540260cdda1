import DataLoader from "dataloader";
import type { RequestContext } from "../http/request-context.ts";
import type { Generation, Image } from "../ports/records.ts";
import type { ImageService } from "../service/image-service.ts";

/** What resolvers know of the operation they serve. */
export interface GraphQLContext {
  readonly request: RequestContext;
  readonly service: ImageService;
  /** The `Idempotency-Key` header, for inputs that name no key of their own. */
  readonly idempotencyKey: string | undefined;
  /** Everything read by id goes through these: one store query for all that one operation needs. */
  readonly loaders: Loaders;
}

export interface Loaders {
  readonly generation: DataLoader<string, Generation | undefined>;
  readonly image: DataLoader<string, Image | undefined>;
  readonly imagesOf: DataLoader<string, Image[]>;
}

export function createContext(
  service: ImageService,
  request: RequestContext,
  idempotencyKey: string | undefined,
): GraphQLContext {
  const { caller } = request;
  const loaders = {
    generation: new DataLoader((ids: readonly string[]) => service.generations(caller, ids)),
    image: new DataLoader((ids: readonly string[]) => service.images(caller, ids)),
    imagesOf: new DataLoader((ids: readonly string[]) => service.imagesOf(ids)),
  };
  return { request, service, idempotencyKey, loaders };
}
