import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { request } from "../api/client.ts";
import { CreateProjectDocument } from "../generated/graphql.ts";
import { goTo, hrefOf, type PageProps } from "../router.ts";
import { budgets, useOf } from "../state/budgets.ts";
import { viewer } from "../state/gateway.ts";
import { jobs } from "../state/generations.ts";
import { FailureCard } from "../ui/failure-card.tsx";
import { Icon } from "../ui/icon.tsx";
import { toneOf } from "../words/budget-words.ts";
import { sum } from "../words/format.ts";
import { words } from "../words/language.ts";
import { NameDialog } from "./projects/name-dialog.tsx";
import {
  adminFailure,
  hasMoreProjects,
  keepProject,
  type ListedProject,
  loadProject,
  loadProjects,
  projects,
  shownProject,
} from "./projects/projects.ts";
import { ShownProject } from "./projects/shown-project.tsx";
import { followRunning } from "./running/running.ts";
import { RunningCard } from "./running/running-card.tsx";
import { BudgetList } from "./usage/budget-list.tsx";
import { UsageCard } from "./usage/usage-card.tsx";
import "./admin.css";

const t = words(
  {
    projects: "Projects",
    newProject: "New project",
    more: "Show more",
    off: "Off",
    budgets: "Budgets",
    noBudget: "No budget is set.",
    usage: "Usage",
  },
  {
    projects: "项目",
    newProject: "新项目",
    more: "显示更多",
    off: "已停用",
    budgets: "预算",
    noBudget: "没有设置预算。",
    usage: "用量",
  },
);

/** Projects, keys, budgets and usage for the admin key; one's own budgets and usage for everybody else. */
export function AdminPage({ path: [id] }: PageProps) {
  useEffect(followRunning, []);
  const isAdmin = viewer.value?.isAdmin === true;
  useEffect(() => {
    document.title = `${t.usage} · Pictograph`;
    return () => {
      document.title = "Pictograph";
    };
  }, []);
  return isAdmin ? <AllProjects id={id} /> : <OwnProject />;
}

function OwnProject() {
  return (
    <main class="admin alone" tabIndex={-1}>
      <div>
        <header class="head">
          <h1>{viewer.value?.apiKey?.name ?? t.usage}</h1>
        </header>
        <RunningCard projectId={undefined} />
        <div class="cards">
          <section class="card" aria-labelledby="budgets-title">
            <header>
              <h2 id="budgets-title">{t.budgets}</h2>
            </header>
            <BudgetList budgets={budgets.value} isEmptyText={t.noBudget} />
          </section>
          <UsageCard projectId={undefined} />
        </div>
      </div>
    </main>
  );
}

function AllProjects({ id }: { readonly id: string | undefined }) {
  useEffect(() => void loadProjects(), []);
  const shownId = id ?? viewer.value?.project.id;
  const runningCount = jobs.value.length;
  useEffect(() => {
    if (shownId) void loadProject(shownId);
    // What runs holds money in the budgets, and what has ended has spent it.
  }, [shownId, runningCount]);
  const isNaming = useSignal(false);
  const project = shownProject.value;
  const onCreate = async (name: string) => {
    const { createProject } = await request(CreateProjectDocument, { input: { name } });
    keepProject(createProject);
    isNaming.value = false;
    goTo(hrefOf("admin", createProject.id));
  };
  return (
    <main class="admin" tabIndex={-1}>
      <nav class="side" aria-label={t.projects}>
        <h2>
          {t.projects}
          <button
            type="button"
            class="icon-btn"
            aria-label={t.newProject}
            title={t.newProject}
            onClick={() => {
              isNaming.value = true;
            }}
          >
            <Icon name="plus" small />
          </button>
        </h2>
        <ul>
          {projects.value.map((each) => (
            <ProjectLink key={each.id} project={each} isShown={each.id === project?.id} />
          ))}
        </ul>
        {hasMoreProjects.value && (
          <button type="button" class="btn small bare" onClick={() => loadProjects({ next: true })}>
            {t.more}
          </button>
        )}
      </nav>
      {adminFailure.value ? (
        <FailureCard failure={adminFailure.value} />
      ) : (
        project && <ShownProject key={project.id} project={project} />
      )}
      {isNaming.value && (
        <NameDialog
          title={t.newProject}
          onName={onCreate}
          onClose={() => {
            isNaming.value = false;
          }}
        />
      )}
    </main>
  );
}

function ProjectLink({ project, isShown }: { readonly project: ListedProject; readonly isShown: boolean }) {
  const [budget] = project.budgets;
  const { spent, held } = budget ? useOf(budget) : { spent: 0, held: 0 };
  return (
    <li>
      <a href={hrefOf("admin", project.id)} aria-current={isShown ? "page" : undefined}>
        <b>{project.name}</b>
        <span class="num">{project.isDisabled ? t.off : budget && sum(budget.spentUsd)}</span>
        <span class={`bar thin ${budget ? toneOf(budget) : ""}`} style={{ "--v": `${100 * (spent + held)}%` }}>
          <i />
        </span>
      </a>
    </li>
  );
}
