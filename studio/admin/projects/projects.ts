import { signal } from "@preact/signals";
import { request } from "../../api/client.ts";
import { type StudioError, toStudioError } from "../../api/errors.ts";
import {
  type ListedProjectFragment,
  ManagedProjectDocument,
  type ManagedProjectFragment,
  ProjectsDocument,
  UpdateProjectDocument,
  type UpdateProjectInput,
} from "../../generated/graphql.ts";

export type ListedProject = ListedProjectFragment;
export type ManagedProject = ManagedProjectFragment;

/** All projects that are loaded, newest first. */
export const projects = signal<readonly ListedProject[]>([]);
/** Whether there are older ones. */
export const hasMoreProjects = signal(false);
/** The project that is shown, with its limits. */
export const shownProject = signal<ManagedProject | undefined>(undefined);
/** Why the page could not be loaded. */
export const adminFailure = signal<StudioError | undefined>(undefined);

let cursor: string | null = null;

/** Loads the first page of projects, or the next one. */
export async function loadProjects({ next = false } = {}): Promise<void> {
  try {
    const { projects: page } = await request(ProjectsDocument, { after: next ? cursor : null });
    projects.value = next ? [...projects.value, ...page.nodes] : page.nodes;
    cursor = page.pageInfo.endCursor;
    hasMoreProjects.value = page.pageInfo.hasNextPage;
    adminFailure.value = undefined;
  } catch (error) {
    adminFailure.value = toStudioError(error);
  }
}

/** Shows a project. */
export async function loadProject(id: string): Promise<void> {
  try {
    const { project } = await request(ManagedProjectDocument, { id });
    if (project) keepProject(project);
    else shownProject.value = undefined;
  } catch (error) {
    adminFailure.value = toStudioError(error);
  }
}

/** @throws StudioError when the gateway refuses the change */
export async function changeProject(input: UpdateProjectInput): Promise<void> {
  keepProject((await request(UpdateProjectDocument, { input })).updateProject);
}

/** Takes over a newer state of a project, in the list too. */
export function keepProject(project: ManagedProject): void {
  shownProject.value = project;
  const isListed = projects.value.some(({ id }) => id === project.id);
  projects.value = isListed
    ? projects.value.map((each) => (each.id === project.id ? project : each))
    : [project, ...projects.value];
}
