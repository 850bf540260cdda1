import type { Gateway, GatewayOptions } from "./gateway.ts";
import { refuseOldNode } from "./node-version.ts";

export type { HostRequest } from "./api/http/request-context.ts";
export type { Config } from "./config.ts";
export { type Billed, type ErrorCode, type ErrorDetails, GatewayError, StartError } from "./errors.ts";
export type { Gateway, GatewayOptions } from "./gateway.ts";
export type {
  Announcement,
  Background,
  EditSources,
  Edits,
  GenerateRequest,
  ImageFormat,
  ImageProvider,
  ModelDescription,
  ModelPrice,
  Operation,
  OriginStep,
  OutputTokens,
  PixelSize,
  Previews,
  ProviderEvent,
  ProviderWarning,
  Quality,
  SizeRule,
  SourceImage,
  TokenCountRule,
  TokenDetails,
  TokenPrices,
  TokenUsage,
} from "./ports/image-provider.ts";
export type {
  FailureCode,
  Generation,
  GenerationFailure,
  GenerationStatus,
  Image,
  Warning,
} from "./ports/records.ts";
export type { GenerationInput } from "./service/generations/generation-input.ts";
export type { FilterInput } from "./service/generations/history/history-filter.ts";
export type { PageRequest } from "./service/generations/history/history-pages.ts";
export type { GenerationEvent } from "./service/generations/watching/generation-progress.ts";
export type { ImageService } from "./service/image-service.ts";
export type { LinkOptions } from "./service/images/image-links.ts";
export type { Caller } from "./service/projects/caller.ts";
export type { ListPage } from "./service/projects/list-page.ts";

/**
 * Builds a gateway and resumes the work that an earlier process left.
 *
 * @throws StartError when Node is too old, the data directory cannot be used, or another process uses it
 */
export async function createGateway(options: GatewayOptions = {}): Promise<Gateway> {
  refuseOldNode();
  // Imported only when called, because some libraries read the environment and files as they load.
  const gateway = await import("./gateway.ts");
  return gateway.createGateway(options);
}
