export type { Config } from "./config.ts";
export { type Billed, type ErrorCode, type ErrorDetails, GatewayError, StartError } from "./errors.ts";
export { createGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
export type {
  Background,
  Edits,
  GenerateRequest,
  ImageFormat,
  ImageProvider,
  ModelDescription,
  ModelPrice,
  Operation,
  OutputTokens,
  PixelSize,
  Previews,
  ProviderEvent,
  Quality,
  SizeRule,
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
export type { GenerationInput } from "./service/generation-input.ts";
export type { GenerationEvent } from "./service/generation-watch.ts";
export type { LinkOptions } from "./service/image-links.ts";
export type { Caller, ImageService, Page, PageRequest } from "./service/image-service.ts";
