import type { GraphQLContext } from "./context.ts";
import { Arg, Args, Ctx, ID, Int, Mutation, Query, Resolver } from "./type-graphql.ts";
import { ForwardArgs } from "./types/history/page-info-type.ts";
import { toListRequest } from "./types/projects/project-type.ts";
import { WebhookDeliveryConnectionType, WebhookDeliveryType } from "./types/webhooks/webhook-delivery-type.ts";
import {
  CreateWebhookEndpointInput,
  CreateWebhookEndpointPayloadType,
  RotateWebhookSecretPayloadType,
  UpdateWebhookEndpointInput,
  WebhookEndpointType,
} from "./types/webhooks/webhook-endpoint-type.ts";

const DEFAULT_OVERLAP_SECONDS = 86_400;

/** Webhooks: endpoints, and what was delivered to them. */
@Resolver()
export class WebhookResolver {
  @Query(() => [WebhookEndpointType], { description: "The webhook endpoints of your project, newest first." })
  async webhookEndpoints(@Ctx() { request, webhooks }: GraphQLContext): Promise<WebhookEndpointType[]> {
    return (await webhooks.endpoints(request.caller)).map((endpoint) => new WebhookEndpointType(endpoint));
  }

  @Query(() => WebhookDeliveryConnectionType, {
    description: "The deliveries to an endpoint, newest first. Delivered ones are kept for 3 days, failed ones for 30.",
  })
  async webhookDeliveries(
    @Arg("endpointId", () => ID, { description: "`wh_…`" }) endpointId: string,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() { request, webhooks }: GraphQLContext,
  ): Promise<WebhookDeliveryConnectionType> {
    const page = await webhooks.deliveries(request.caller, endpointId, toListRequest(args, "msg"));
    return new WebhookDeliveryConnectionType(page);
  }

  @Mutation(() => CreateWebhookEndpointPayloadType, {
    description: "Creates a webhook endpoint for your project, and returns its secret, once.",
  })
  async createWebhookEndpoint(
    @Arg("input", () => CreateWebhookEndpointInput, { description: "What to create." })
    input: CreateWebhookEndpointInput,
    @Ctx() { request, webhooks }: GraphQLContext,
  ): Promise<CreateWebhookEndpointPayloadType> {
    return new CreateWebhookEndpointPayloadType(await webhooks.create(request.caller, input));
  }

  @Mutation(() => WebhookEndpointType, { description: "Changes a webhook endpoint." })
  async updateWebhookEndpoint(
    @Arg("input", () => UpdateWebhookEndpointInput, { description: "What to change." })
    input: UpdateWebhookEndpointInput,
    @Ctx() { request, webhooks }: GraphQLContext,
  ): Promise<WebhookEndpointType> {
    const { id, ...changes } = input;
    return new WebhookEndpointType(await webhooks.update(request.caller, id, changes));
  }

  @Mutation(() => ID, { description: "Deletes a webhook endpoint with everything that waits for it." })
  async deleteWebhookEndpoint(
    @Arg("id", () => ID, { description: "`wh_…`" }) id: string,
    @Ctx() { request, webhooks }: GraphQLContext,
  ): Promise<string> {
    await webhooks.delete(request.caller, id);
    return id;
  }

  @Mutation(() => RotateWebhookSecretPayloadType, {
    description:
      "Gives an endpoint another secret and returns it, once. Until the overlap ends, each delivery has a signature of the new and of the earlier secret.",
  })
  async rotateWebhookSecret(
    @Arg("id", () => ID, { description: "`wh_…`" }) id: string,
    @Arg("overlapSeconds", () => Int, {
      nullable: true,
      defaultValue: DEFAULT_OVERLAP_SECONDS,
      description: "How long the earlier secret signs too: 0 to 2592000 seconds.",
    })
    overlapSeconds: number | null,
    @Ctx() { request, webhooks }: GraphQLContext,
  ): Promise<RotateWebhookSecretPayloadType> {
    const overlap = overlapSeconds ?? DEFAULT_OVERLAP_SECONDS;
    return new RotateWebhookSecretPayloadType(await webhooks.rotateSecret(request.caller, id, overlap));
  }

  @Mutation(() => WebhookDeliveryType, {
    description: "Sends the event `webhook.test` to an endpoint at once, and returns what became of it.",
  })
  async sendTestWebhook(
    @Arg("endpointId", () => ID, { description: "`wh_…`" }) endpointId: string,
    @Ctx() { request, webhooks }: GraphQLContext,
  ): Promise<WebhookDeliveryType> {
    return new WebhookDeliveryType(await webhooks.sendTest(request.caller, endpointId));
  }

  @Mutation(() => WebhookDeliveryType, {
    description:
      "Sends a delivery again at once with the same id, and returns what became of it. If it fails, it is repeated as a new one is.",
  })
  async redeliverWebhook(
    @Arg("deliveryId", () => ID, { description: "`msg_…`" }) deliveryId: string,
    @Ctx() { request, webhooks }: GraphQLContext,
  ): Promise<WebhookDeliveryType> {
    return new WebhookDeliveryType(await webhooks.redeliver(request.caller, deliveryId));
  }
}
