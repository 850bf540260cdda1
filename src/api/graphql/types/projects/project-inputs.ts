import type { ApiKeyWithToken } from "../../../../service/projects/project-service.ts";
import { ArgsType, Field, ID, InputType, Int, ObjectType } from "../../type-graphql.ts";
import { DateTimeScalar } from "../scalars.ts";
import { LimitsInput } from "./limits-type.ts";
import { ApiKeyType } from "./project-type.ts";

const ANONYMOUS = "Whether `POST /get-image` works without credentials; only for `proj_public`.";

@ArgsType()
export class ProjectsArgs {
  @Field(() => Int, {
    nullable: true,
    description: "How many from the newest end: 0 to 100. 20 when neither is given.",
  })
  first?: number;

  @Field(() => String, { nullable: true, description: "Only projects older than this cursor's." })
  after?: string;

  @Field(() => Int, { nullable: true, description: "How many from the oldest end: 0 to 100; not with `first`." })
  last?: number;

  @Field(() => String, { nullable: true, description: "Only projects newer than this cursor's." })
  before?: string;
}

@InputType("CreateProjectInput", { description: "A project to create." })
export class CreateProjectInput {
  @Field(() => String, { description: "For people: 1 to 100 characters." })
  name!: string;

  @Field(() => Boolean, { nullable: true, description: ANONYMOUS })
  allowsAnonymous?: boolean | null;

  @Field(() => LimitsInput, { nullable: true, description: "What it may do; anything when left out." })
  limits?: LimitsInput | null;
}

@InputType("UpdateProjectInput", { description: "What is absent stays as it is; null takes it away." })
export class UpdateProjectInput {
  @Field(() => ID, { description: "`proj_…`" })
  id!: string;

  @Field(() => String, { nullable: true, description: "For people: 1 to 100 characters." })
  name?: string | null;

  @Field(() => Boolean, { nullable: true, description: "Refuses its API keys, or takes them again." })
  isDisabled?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: ANONYMOUS })
  allowsAnonymous?: boolean | null;

  @Field(() => LimitsInput, { nullable: true, description: "What it may do." })
  limits?: LimitsInput | null;
}

@InputType("CreateApiKeyInput", { description: "An API key to create." })
export class CreateApiKeyInput {
  @Field(() => ID, { description: "The project that it belongs to: `proj_…`." })
  projectId!: string;

  @Field(() => String, { description: "For people: 1 to 100 characters." })
  name!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: "When it ends by itself; never when left out." })
  expiresAt?: Date | null;

  @Field(() => LimitsInput, { nullable: true, description: "What it may do, within its project's limits." })
  limits?: LimitsInput | null;
}

@InputType("UpdateApiKeyInput", { description: "What is absent stays as it is; null takes it away." })
export class UpdateApiKeyInput {
  @Field(() => ID, { description: "`key_…`" })
  id!: string;

  @Field(() => String, { nullable: true, description: "For people: 1 to 100 characters." })
  name?: string | null;

  @Field(() => Boolean, { nullable: true, description: "Refuses it, or takes it again." })
  isDisabled?: boolean | null;

  @Field(() => DateTimeScalar, { nullable: true, description: "When it ends by itself; null for never." })
  expiresAt?: Date | null;

  @Field(() => LimitsInput, { nullable: true, description: "What it may do, within its project's limits." })
  limits?: LimitsInput | null;
}

@ObjectType("CreateApiKeyPayload", { description: "A key and its token." })
export class CreateApiKeyPayloadType {
  @Field(() => ApiKeyType, { description: "The key." })
  apiKey: ApiKeyType;

  @Field(() => String, { description: "What to call with. Keep it: nobody can read it again." })
  token: string;

  constructor({ apiKey, token }: ApiKeyWithToken) {
    this.apiKey = new ApiKeyType(apiKey);
    this.token = token;
  }
}

@ObjectType("RotateApiKeyPayload", { description: "A key and its new token." })
export class RotateApiKeyPayloadType {
  @Field(() => ApiKeyType, { description: "The key, with the same id and limits." })
  apiKey: ApiKeyType;

  @Field(() => String, { description: "What to call with from now on. Keep it: nobody can read it again." })
  token: string;

  constructor({ apiKey, token }: ApiKeyWithToken) {
    this.apiKey = new ApiKeyType(apiKey);
    this.token = token;
  }
}
