import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";
import type { Identity, IdentityTokens } from "../../ports/projects/identity-tokens.ts";
import type { Project } from "../../ports/projects/projects.ts";
import { disabledProject } from "./api-keys.ts";
import type { AppliedLimits } from "./applied-limits.ts";
import { CredentialWatch } from "./credential-watch.ts";
import { checkEndUser } from "./end-user.ts";

export interface IdentitiesOptions {
  readonly tokens: IdentityTokens;
  readonly projects: Pick<AppliedLimits, "project">;
  readonly logger: Logger;
  readonly now: () => Date;
}

/** Authenticates callers with tokens of the operator's identity provider. */
export class Identities {
  readonly #options: IdentitiesOptions;
  readonly #watch: CredentialWatch<Identity>;

  constructor(options: IdentitiesOptions) {
    this.#options = options;
    this.#watch = new CredentialWatch(
      ({ expiresAt }) => (expiresAt <= options.now() ? refused("the JWT has expired") : undefined),
      (identities) => this.#findEnds(identities),
      options.logger,
    );
  }

  /**
   * Finds the caller that a token identifies.
   * @throws UNAUTHENTICATED if the token is not valid, or its project does not exist or is disabled; OVERLOADED if the
   * identity provider's keys cannot be fetched
   */
  async authenticate(token: string): Promise<Identity> {
    const { tokens, projects } = this.#options;
    const identity = await tokens.verify(token);
    checkSubject(identity.endUser);
    const reason = endOfProject(identity, await projects.project(identity.projectId));
    if (reason) throw reason;
    return identity;
  }

  /**
   * Calls `end` once, less than a second after the token expires or its project is disabled. Tokens expire while the
   * store is away, too.
   *
   * @returns stops watching
   */
  watch(identity: Identity, end: (reason: GatewayError) => void): () => void {
    return this.#watch.add(identity, end);
  }

  async #findEnds(identities: readonly Identity[]): Promise<(identity: Identity) => GatewayError | undefined> {
    const { projects } = this.#options;
    const known = new Map<string, Project | undefined>();
    for (const { projectId } of identities) {
      if (!known.has(projectId)) known.set(projectId, await projects.project(projectId));
    }
    return (identity) => endOfProject(identity, known.get(identity.projectId));
  }
}

function endOfProject({ projectId }: Identity, project: Project | undefined): GatewayError | undefined {
  if (!project) return refused(`the project of the JWT, ${JSON.stringify(projectId)}, does not exist`);
  return project.isDisabled ? refused(disabledProject(project)) : undefined;
}

function checkSubject(subject: string): void {
  try {
    checkEndUser("the claim sub of the JWT", subject);
  } catch (error) {
    throw refused((error as GatewayError).message);
  }
}

function refused(message: string): GatewayError {
  return new GatewayError("UNAUTHENTICATED", message);
}
