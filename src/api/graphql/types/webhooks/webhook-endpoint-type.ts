import { WEBHOOK_EVENTS, type WebhookEndpoint } from "../../../../ports/webhooks.ts";
import type { EndpointWithSecret } from "../../../../service/webhooks/webhook-service.ts";
import type { GraphQLContext } from "../../context.ts";
import { Ctx, Field, ID, InputType, ObjectType } from "../../type-graphql.ts";
import { ProjectType } from "../projects/project-type.ts";
import { DateTimeScalar } from "../scalars.ts";

const URL_OF_RECEIVER = "Where events are sent by POST: an https URL of a public server.";
const EVENTS = `The events to send: ${WEBHOOK_EVENTS.map((name) => `\`${name}\``).join(", ")}. Null for all.`;
const DESCRIPTION = "For people: at most 500 characters.";

@ObjectType("WebhookEndpoint", { description: "A receiver of a project's events." })
export class WebhookEndpointType {
  readonly #endpoint: WebhookEndpoint;

  constructor(endpoint: WebhookEndpoint) {
    this.#endpoint = endpoint;
  }

  @Field(() => ID, { description: "`wh_…`, sorts by time." })
  get id(): string {
    return this.#endpoint.id;
  }

  @Field(() => ProjectType, { nullable: true, description: "The project whose events it gets." })
  async project(@Ctx() { loaders }: GraphQLContext): Promise<ProjectType | null> {
    const project = await loaders.project.load(this.#endpoint.projectId);
    return project ? new ProjectType(project) : null;
  }

  @Field(() => String, { description: "Where events are sent." })
  get url(): string {
    return this.#endpoint.url;
  }

  @Field(() => [String], { nullable: true, description: "The events that are sent; null for all." })
  get events(): readonly string[] | null {
    return this.#endpoint.events ?? null;
  }

  @Field(() => String, { nullable: true, description: "A note for people." })
  get description(): string | null {
    return this.#endpoint.description ?? null;
  }

  @Field(() => Boolean, { description: "Whether it gets nothing. Events of this time are not sent later." })
  get isDisabled(): boolean {
    return this.#endpoint.isDisabled;
  }

  @Field(() => String, { nullable: true, description: "Why it is disabled; null while it is not." })
  get disabledReason(): string | null {
    return this.#endpoint.disabledReason ?? null;
  }

  @Field(() => DateTimeScalar, { description: "When it was created." })
  get createdAt(): Date {
    return this.#endpoint.createdAt;
  }
}

@InputType("CreateWebhookEndpointInput", { description: "A receiver to create." })
export class CreateWebhookEndpointInput {
  @Field(() => String, { description: URL_OF_RECEIVER })
  url!: string;

  @Field(() => [String], { nullable: true, description: EVENTS })
  events?: string[] | null;

  @Field(() => String, { nullable: true, description: DESCRIPTION })
  description?: string | null;
}

@InputType("UpdateWebhookEndpointInput", { description: "Absent fields stay as they are; null clears a field." })
export class UpdateWebhookEndpointInput {
  @Field(() => ID, { description: "`wh_…`" })
  id!: string;

  @Field(() => String, { nullable: true, description: URL_OF_RECEIVER })
  url?: string | null;

  @Field(() => [String], { nullable: true, description: EVENTS })
  events?: string[] | null;

  @Field(() => String, { nullable: true, description: DESCRIPTION })
  description?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description: "Disables it, and gives up everything that waits for it; or enables it again.",
  })
  isDisabled?: boolean | null;
}

@ObjectType("CreateWebhookEndpointPayload", { description: "An endpoint and its secret." })
export class CreateWebhookEndpointPayloadType {
  @Field(() => WebhookEndpointType, { description: "The endpoint." })
  endpoint: WebhookEndpointType;

  @Field(() => String, { description: "The secret that signs, `whsec_…`. Store it: it cannot be read again." })
  secret: string;

  constructor({ endpoint, secret }: EndpointWithSecret) {
    this.endpoint = new WebhookEndpointType(endpoint);
    this.secret = secret;
  }
}

@ObjectType("RotateWebhookSecretPayload", { description: "An endpoint and its new secret." })
export class RotateWebhookSecretPayloadType {
  @Field(() => WebhookEndpointType, { description: "The endpoint." })
  endpoint: WebhookEndpointType;

  @Field(() => String, { description: "The secret that signs from now on. Store it: it cannot be read again." })
  secret: string;

  constructor({ endpoint, secret }: EndpointWithSecret) {
    this.endpoint = new WebhookEndpointType(endpoint);
    this.secret = secret;
  }
}
