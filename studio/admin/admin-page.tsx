import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { request } from "../api/client.ts";
import { toStudioError } from "../api/errors.ts";
import { CreateProjectDocument } from "../generated/graphql.ts";
import { goTo, hrefOf, type PageProps } from "../router.ts";
import { budgets, useOf } from "../state/budgets.ts";
import { viewer } from "../state/gateway.ts";
import { jobs } from "../state/generations.ts";
import { Icon } from "../ui/icon.tsx";
import { showToast } from "../ui/toast.tsx";
import { toneOf } from "../words/budget-words.ts";
import { explainError } from "../words/error-words.ts";
import { sum } from "../words/format.ts";
import { words } from "../words/language.ts";
import { KeysCard } from "./keys/keys-card.tsx";
import { NameDialog } from "./projects/name-dialog.tsx";
import {
  adminFailure,
  changeProject,
  hasMoreProjects,
  keepProject,
  type ListedProject,
  loadProject,
  loadProjects,
  type ManagedProject,
  projects,
  shownProject,
} from "./projects/projects.ts";
import { SettingsDialog } from "./projects/settings-dialog.tsx";
import { followRunning } from "./running/running.ts";
import { RunningCard } from "./running/running-card.tsx";
import { BudgetList } from "./usage/budget-list.tsx";
import { UsageCard } from "./usage/usage-card.tsx";
import "../ui/notice.css";
import "./admin.css";

const t = words(
  {
    projects: "Projects",
    newProject: "New project",
    more: "Show more",
    off: "Off",
    isOn: "Project is on",
    nowOff: (name: string) => `${name} is off. Its keys are refused.`,
    nowOn: (name: string) => `${name} is on again.`,
    undo: "Undo",
    settings: "Limits and budgets",
    budgets: "Budgets",
    noBudget: "No budget is set.",
    anySpending: "This project may spend any amount.",
    usage: "Usage",
    all: "All projects",
    gone: "There is no such project",
  },
  {
    projects: "项目",
    newProject: "新项目",
    more: "显示更多",
    off: "已停用",
    isOn: "项目已启用",
    nowOff: (name: string) => `${name} 已停用，它的密钥会被拒绝。`,
    nowOn: (name: string) => `${name} 已重新启用。`,
    undo: "撤销",
    settings: "限制与预算",
    budgets: "预算",
    noBudget: "没有设置预算。",
    anySpending: "此项目的花费没有上限。",
    usage: "用量",
    all: "所有项目",
    gone: "没有这个项目",
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
      {adminFailure.value ? <Failure /> : project && <ShownProject key={project.id} project={project} />}
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

function Failure() {
  const { title, text } = explainError(adminFailure.value ?? { code: "NOT_FOUND", facts: {} });
  return (
    <div class="notice bad" role="alert">
      <Icon name="warn" />
      <div>
        <h1>{title}</h1>
        <p>{text}</p>
      </div>
    </div>
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

function ShownProject({ project }: { readonly project: ManagedProject }) {
  const { id, name, isDisabled } = project;
  const isEditing = useSignal(false);
  const turn = async (isOff: boolean) => {
    try {
      await changeProject({ id, isDisabled: isOff });
      const action = { label: t.undo, run: () => void turn(!isOff) };
      showToast(isOff ? t.nowOff(name) : t.nowOn(name), { action });
    } catch (error) {
      showToast(explainError(toStudioError(error)).title);
    }
  };
  const edit = () => {
    isEditing.value = true;
  };
  return (
    <div>
      <header class="head">
        <h1>{name}</h1>
        <button
          type="button"
          class="switch"
          role="switch"
          aria-checked={!isDisabled}
          aria-label={t.isOn}
          onClick={() => turn(!isDisabled)}
        />
        <span class="grow" />
        <button type="button" class="btn small soft" onClick={edit}>
          <Icon name="tune" small />
          {t.settings}
        </button>
      </header>
      <RunningCard projectId={id} />
      <div class="cards">
        <section class="card" aria-labelledby="budgets-title">
          <header>
            <h2 id="budgets-title">{t.budgets}</h2>
          </header>
          <BudgetList budgets={project.budgets} isEmptyText={`${t.noBudget} ${t.anySpending}`} />
        </section>
        <UsageCard projectId={id} />
      </div>
      <KeysCard projectId={id} />
      {isEditing.value && (
        <SettingsDialog
          title={t.settings}
          of={project}
          onSave={changeProject}
          onClose={() => {
            isEditing.value = false;
          }}
        />
      )}
    </div>
  );
}
