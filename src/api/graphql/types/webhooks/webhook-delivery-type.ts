import type { DeliveryAttempt, DeliveryStatus, WebhookDelivery } from "../../../../ports/webhooks.ts";
import type { ListPage } from "../../../../service/projects/list-page.ts";
import { Field, ID, Int, ObjectType } from "../../type-graphql.ts";
import { DeliveryStatusEnum } from "../enums.ts";
import { PageInfoType } from "../history/page-info-type.ts";
import { toEdges, toPageInfo } from "../projects/project-type.ts";
import { DateTimeScalar } from "../scalars.ts";

@ObjectType("WebhookAttempt", { description: "One attempt to deliver an event." })
class WebhookAttemptType {
  @Field(() => DateTimeScalar, { description: "When it began." })
  at: Date;

  @Field(() => Int, { nullable: true, description: "The status of the receiver's answer; null for no answer." })
  statusCode: number | null;

  @Field(() => String, { nullable: true, description: "Why it failed; null after a success." })
  error: string | null;

  constructor({ at, statusCode, error }: DeliveryAttempt) {
    this.at = new Date(at);
    this.statusCode = statusCode ?? null;
    this.error = error ?? null;
  }
}

@ObjectType("WebhookDelivery", { description: "An event on its way to an endpoint." })
export class WebhookDeliveryType {
  readonly #delivery: WebhookDelivery;

  constructor(delivery: WebhookDelivery) {
    this.#delivery = delivery;
  }

  @Field(() => ID, { description: "`msg_…`, sorts by time: the header `webhook-id`." })
  get id(): string {
    return this.#delivery.id;
  }

  @Field(() => String, { description: "The name of the event: `generation.succeeded`." })
  get event(): string {
    return this.#delivery.event.type;
  }

  @Field(() => DeliveryStatusEnum, { description: "Whether it has arrived." })
  get status(): DeliveryStatus {
    return this.#delivery.status;
  }

  @Field(() => [WebhookAttemptType], { description: "The last 20 attempts, oldest first." })
  get attempts(): WebhookAttemptType[] {
    return this.#delivery.attempts.map((attempt) => new WebhookAttemptType(attempt));
  }

  @Field(() => DateTimeScalar, { nullable: true, description: "When it is attempted next; null for never." })
  get nextAttemptAt(): Date | null {
    return this.#delivery.nextAttemptAt ?? null;
  }

  @Field(() => DateTimeScalar, { description: "When the event happened." })
  get createdAt(): Date {
    return this.#delivery.createdAt;
  }
}

@ObjectType("WebhookDeliveryEdge", { description: "A delivery's place in the list." })
class WebhookDeliveryEdgeType {
  @Field(() => String, { description: "Opaque; for `after`." })
  cursor!: string;

  @Field(() => WebhookDeliveryType, { description: "The delivery itself." })
  node!: WebhookDeliveryType;
}

@ObjectType("WebhookDeliveryConnection", { description: "A page of deliveries, newest first." })
export class WebhookDeliveryConnectionType {
  @Field(() => [WebhookDeliveryEdgeType], { description: "The deliveries with their cursors." })
  edges: WebhookDeliveryEdgeType[];

  @Field(() => [WebhookDeliveryType], { description: "The deliveries without their cursors." })
  get nodes(): WebhookDeliveryType[] {
    return this.edges.map(({ node }) => node);
  }

  @Field(() => PageInfoType, { description: "The position of the page in the list." })
  pageInfo: PageInfoType;

  constructor(page: ListPage<WebhookDelivery>) {
    this.edges = toEdges(page, (delivery) => new WebhookDeliveryType(delivery));
    this.pageInfo = toPageInfo(page);
  }
}
