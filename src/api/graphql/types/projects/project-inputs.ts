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
    description: "The number of projects from the newest end, 0 to 100. 20 if neither `first` nor `last` is given.",
  })
  first?: number;

  @Field(() => String, { nullable: true, description: "Only projects older than the one of this cursor." })
  after?: string;

  @Field(() => Int, {
    nullable: true,
    description: "The number of projects from the oldest end, 0 to 100. Not together with `first`.",
  })
  last?: number;

  @Field(() => String, { nullable: true, description: "Only projects newer than the one of this cursor." })
  before?: string;
}

@InputType("CreateProjectInput", { description: "A project to create." })
export class CreateProjectInput {
  @Field(() => String, { description: "A name for people, 1 to 100 characters." })
  name!: string;

  @Field(() => Boolean, { nullable: true, description: ANONYMOUS })
  allowsAnonymous?: boolean | null;

  @Field(() => LimitsInput, { nullable: true, description: "Its limits; none if absent." })
  limits?: LimitsInput | null;
}

@InputType("UpdateProjectInput", { description: "Absent fields do not change; null removes a value." })
export class UpdateProjectInput {
  @Field(() => ID, { description: "`proj_…`" })
  id!: string;

  @Field(() => String, { nullable: true, description: "A name for people, 1 to 100 characters." })
  name?: string | null;

  @Field(() => Boolean, { nullable: true, description: "Whether its API keys are refused." })
  isDisabled?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: ANONYMOUS })
  allowsAnonymous?: boolean | null;

  @Field(() => LimitsInput, { nullable: true, description: "Its limits." })
  limits?: LimitsInput | null;
}

@InputType("CreateApiKeyInput", { description: "An API key to create." })
export class CreateApiKeyInput {
  @Field(() => ID, { description: "The project that it belongs to: `proj_…`." })
  projectId!: string;

  @Field(() => String, { description: "A name for people, 1 to 100 characters." })
  name!: string;

  @Field(() => DateTimeScalar, { nullable: true, description: "When it expires; never if absent." })
  expiresAt?: Date | null;

  @Field(() => LimitsInput, { nullable: true, description: "Its limits. The limits of its project apply too." })
  limits?: LimitsInput | null;
}

@InputType("UpdateApiKeyInput", { description: "Absent fields do not change; null removes a value." })
export class UpdateApiKeyInput {
  @Field(() => ID, { description: "`key_…`" })
  id!: string;

  @Field(() => String, { nullable: true, description: "A name for people, 1 to 100 characters." })
  name?: string | null;

  @Field(() => Boolean, { nullable: true, description: "Whether it is refused." })
  isDisabled?: boolean | null;

  @Field(() => DateTimeScalar, { nullable: true, description: "When it expires; null for never." })
  expiresAt?: Date | null;

  @Field(() => LimitsInput, { nullable: true, description: "Its limits. The limits of its project apply too." })
  limits?: LimitsInput | null;
}

@ObjectType("CreateApiKeyPayload", { description: "A key and its token." })
export class CreateApiKeyPayloadType {
  @Field(() => ApiKeyType, { description: "The key." })
  apiKey: ApiKeyType;

  @Field(() => String, { description: "The credential of the key. Store it: it cannot be read again." })
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

  @Field(() => String, { description: "The new credential of the key. Store it: it cannot be read again." })
  token: string;

  constructor({ apiKey, token }: ApiKeyWithToken) {
    this.apiKey = new ApiKeyType(apiKey);
    this.token = token;
  }
}
