export type { Config } from "./config.ts";
export { type Billed, type ErrorCode, type ErrorDetails, GatewayError, StartError } from "./errors.ts";
export { createGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
export type {
  Background,
  GenerateRequest,
  ImageFormat,
  ImageProvider,
  ModelDescription,
  Operation,
  PixelSize,
  ProviderEvent,
  Quality,
  SizeRule,
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
export type { LinkOptions } from "./service/image-links.ts";
export type { Caller, ImageService, Page, PageRequest } from "./service/image-service.ts";
