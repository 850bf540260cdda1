import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { toStudioError } from "../../api/errors.ts";
import { Icon } from "../../ui/icon.tsx";
import { showToast } from "../../ui/toast.tsx";
import { explainError } from "../../words/error-words.ts";
import { ago, day, sum } from "../../words/format.ts";
import { words } from "../../words/language.ts";
import { NameDialog } from "../projects/name-dialog.tsx";
import { SettingsDialog } from "../projects/settings-dialog.tsx";
import { RevokeDialog, RotateDialog } from "./key-dialogs.tsx";
import {
  changeKey,
  createKey,
  hasMoreKeys,
  keys,
  loadKeys,
  type ManagedKey,
  type NewToken,
  usageOfToday,
} from "./keys.ts";
import { TokenDialog } from "./token-dialog.tsx";

const t = words(
  {
    title: "Keys",
    newKey: "New key",
    none: "This project has no keys. Programs need one to call the gateway.",
    name: "Name",
    lastUsed: "Last used",
    never: "Never",
    today: "Today",
    ends: "Ends",
    actions: "Actions",
    settings: "Limits",
    rotate: "Rotate",
    revoke: "Revoke",
    of: (action: string, name: string) => `${action}: ${name}`,
    revoked: "Revoked",
    ended: "Ended",
    off: "Off",
    isOn: (name: string) => `${name} is on`,
    more: "Show more",
  },
  {
    title: "密钥",
    newKey: "新密钥",
    none: "此项目没有密钥。程序需要密钥才能调用网关。",
    name: "名称",
    lastUsed: "上次使用",
    never: "从不",
    today: "今天",
    ends: "到期",
    actions: "操作",
    settings: "限制",
    rotate: "轮换",
    revoke: "吊销",
    of: (action: string, name: string) => `${action}：${name}`,
    revoked: "已吊销",
    ended: "已到期",
    off: "已停用",
    isOn: (name: string) => `${name} 已启用`,
    more: "显示更多",
  },
);

type Open =
  | { readonly dialog: "name" }
  | { readonly dialog: "settings" | "rotate" | "revoke"; readonly apiKey: ManagedKey }
  | { readonly dialog: "token"; readonly made: NewToken };

/** The API keys of a project. */
export function KeysCard({ projectId }: { readonly projectId: string }) {
  const open = useSignal<Open | undefined>(undefined);
  useEffect(() => {
    keys.value = [];
    void loadKeys(projectId);
  }, [projectId]);
  const close = () => {
    open.value = undefined;
  };
  const showToken = (made: NewToken) => {
    open.value = { dialog: "token", made };
  };
  return (
    <section class="card" aria-labelledby="keys-title">
      <header>
        <h2 id="keys-title">{t.title}</h2>
        <span class="grow" />
        <button
          type="button"
          class="btn small main"
          onClick={() => {
            open.value = { dialog: "name" };
          }}
        >
          <Icon name="plus" small />
          {t.newKey}
        </button>
      </header>
      {keys.value.length === 0 ? (
        <p class="quiet">{t.none}</p>
      ) : (
        <table class="table keys-table">
          <thead>
            <tr>
              <th scope="col">{t.name}</th>
              <th scope="col">{t.lastUsed}</th>
              <th scope="col">{t.today}</th>
              <th scope="col">{t.ends}</th>
              <th scope="col">
                <span class="sr">{t.actions}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {keys.value.map((apiKey) => (
              <KeyRow
                key={apiKey.id}
                apiKey={apiKey}
                onOpen={(dialog) => {
                  open.value = { dialog, apiKey };
                }}
              />
            ))}
          </tbody>
        </table>
      )}
      {hasMoreKeys.value && (
        <button type="button" class="btn small bare" onClick={() => loadKeys(projectId, { next: true })}>
          {t.more}
        </button>
      )}
      {open.value?.dialog === "name" && (
        <NameDialog
          title={t.newKey}
          onName={async (name) => showToken(await createKey({ projectId, name }))}
          onClose={close}
        />
      )}
      {open.value?.dialog === "token" && <TokenDialog made={open.value.made} onClose={close} />}
      {open.value?.dialog === "rotate" && (
        <RotateDialog apiKey={open.value.apiKey} onMade={showToken} onClose={close} />
      )}
      {open.value?.dialog === "revoke" && <RevokeDialog apiKey={open.value.apiKey} onClose={close} />}
      {open.value?.dialog === "settings" && (
        <SettingsDialog
          title={t.of(t.settings, open.value.apiKey.name)}
          of={open.value.apiKey}
          onSave={changeKey}
          onClose={close}
        />
      )}
    </section>
  );
}

interface KeyRowProps {
  readonly apiKey: ManagedKey;
  readonly onOpen: (dialog: "settings" | "rotate" | "revoke") => void;
}

function KeyRow({ apiKey, onOpen }: KeyRowProps) {
  const { id, name, prefix, isDisabled, lastUsedAt, revokedAt } = apiKey;
  const turn = () =>
    changeKey({ id, isDisabled: !isDisabled }).catch((error) => showToast(explainError(toStudioError(error)).title));
  return (
    <tr class={revokedAt ? "gone" : undefined}>
      <td>
        <b>{name}</b> <span class="mono faint">{prefix}…</span>
      </td>
      <td class="quiet" data-label={t.lastUsed}>
        {lastUsedAt ? ago(lastUsedAt) : t.never}
      </td>
      <td class="num" data-label={t.today}>
        {sum(usageOfToday.value.get(id)?.cost ?? "0")}
      </td>
      <td data-label={t.ends}>
        <End apiKey={apiKey} />
      </td>
      <td>
        {!revokedAt && (
          <span class="key-acts">
            <button
              type="button"
              class="switch"
              role="switch"
              aria-checked={!isDisabled}
              aria-label={t.isOn(name)}
              onClick={turn}
            />
            {(["settings", "rotate", "revoke"] as const).map((action) => (
              <button
                key={action}
                type="button"
                class={action === "revoke" ? "btn small danger" : "btn small bare"}
                aria-label={t.of(t[action], name)}
                onClick={() => onOpen(action)}
              >
                {t[action]}
              </button>
            ))}
          </span>
        )}
      </td>
    </tr>
  );
}

function End({ apiKey: { revokedAt, expiresAt, isDisabled } }: { readonly apiKey: ManagedKey }) {
  if (revokedAt) return <span class="pill">{t.revoked}</span>;
  if (expiresAt && Date.parse(expiresAt) <= Date.now()) return <span class="pill warn">{t.ended}</span>;
  if (isDisabled) return <span class="pill">{t.off}</span>;
  return <span class="quiet">{expiresAt ? day(expiresAt) : t.never}</span>;
}
