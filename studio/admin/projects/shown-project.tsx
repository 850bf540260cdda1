import { useSignal } from "@preact/signals";
import { toStudioError } from "../../api/errors.ts";
import { enterProject } from "../../app/start.ts";
import { Icon } from "../../ui/icon.tsx";
import { showToast } from "../../ui/toast.tsx";
import { explainError } from "../../words/error-words.ts";
import { words } from "../../words/language.ts";
import { ChangesCard } from "../changes/changes-card.tsx";
import { keys } from "../keys/keys.ts";
import { KeysCard } from "../keys/keys-card.tsx";
import { RunningCard } from "../running/running-card.tsx";
import { BudgetList } from "../usage/budget-list.tsx";
import { UsageCard } from "../usage/usage-card.tsx";
import { changeProject, type ManagedProject } from "./projects.ts";
import { SettingsDialog } from "./settings-dialog.tsx";

const t = words(
  {
    isOn: "Project is on",
    nowOff: (name: string) => `${name} is off. Its keys are refused.`,
    nowOn: (name: string) => `${name} is on again.`,
    undo: "Undo",
    work: "Open its pictures",
    settings: "Limits and budgets",
    budgets: "Budgets",
    noBudget: "No budget is set.",
    anySpending: "This project may spend any amount.",
  },
  {
    isOn: "项目已启用",
    nowOff: (name: string) => `${name} 已停用，它的密钥会被拒绝。`,
    nowOn: (name: string) => `${name} 已重新启用。`,
    undo: "撤销",
    work: "打开它的图片",
    settings: "限制与预算",
    budgets: "预算",
    noBudget: "没有设置预算。",
    anySpending: "此项目的花费没有上限。",
  },
);

/** One project: what runs, its budgets and usage, its keys, and who changed what. */
export function ShownProject({ project }: { readonly project: ManagedProject }) {
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
        <div class="acts">
          <button type="button" class="btn small soft" onClick={() => enterProject(id)}>
            <Icon name="image" small />
            {t.work}
          </button>
          <button type="button" class="btn small soft" onClick={edit}>
            <Icon name="tune" small />
            {t.settings}
          </button>
        </div>
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
      <ChangesCard seen={[project, keys.value].map((each) => JSON.stringify(each)).join()} />
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
