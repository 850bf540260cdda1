import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { request } from "../../api/client.ts";
import { type StudioError, toStudioError } from "../../api/errors.ts";
import { ChangesDocument, type ChangesQuery } from "../../generated/graphql.ts";
import { explainError } from "../../words/error-words.ts";
import { moment } from "../../words/format.ts";
import { words } from "../../words/language.ts";

type Change = ChangesQuery["auditLog"]["nodes"][number];

const t = words(
  {
    title: "Recent changes",
    nothing: "Nothing was changed yet.",
    more: "Show more",
    admin: (digits: string) => `Admin key ${digits}`,
    anyone: "Anyone",
    key: "A key",
  },
  {
    title: "最近的更改",
    nothing: "还没有任何更改。",
    more: "显示更多",
    admin: (digits: string) => `管理员密钥 ${digits}`,
    anyone: "任何人",
    key: "密钥",
  },
);

/** What the mutations of the audit log do. */
const actions = words(
  {
    createProject: "Project created",
    updateProject: "Project changed",
    createApiKey: "Key created",
    updateApiKey: "Key changed",
    rotateApiKey: "Key rotated",
    revokeApiKey: "Key revoked",
    deleteEndUserData: "Data of an end user deleted",
    createWebhookEndpoint: "Webhook created",
    updateWebhookEndpoint: "Webhook changed",
    deleteWebhookEndpoint: "Webhook deleted",
    rotateWebhookSecret: "Webhook secret rotated",
  },
  {
    createProject: "已创建项目",
    updateProject: "已更改项目",
    createApiKey: "已创建密钥",
    updateApiKey: "已更改密钥",
    rotateApiKey: "已轮换密钥",
    revokeApiKey: "已撤销密钥",
    deleteEndUserData: "已删除终端用户数据",
    createWebhookEndpoint: "已创建 Webhook",
    updateWebhookEndpoint: "已更改 Webhook",
    deleteWebhookEndpoint: "已删除 Webhook",
    rotateWebhookSecret: "已轮换 Webhook 密钥",
  },
);

/** What can be changed, by the names of the graph. */
const fields = words(
  {
    name: "name",
    limits: "limits",
    isDisabled: "on or off",
    allowsAnonymous: "calls without a key",
    expiresAt: "end",
    url: "address",
    events: "events",
    description: "description",
  },
  {
    name: "名称",
    limits: "限制",
    isDisabled: "启用状态",
    allowsAnonymous: "无密钥调用",
    expiresAt: "到期日",
    url: "地址",
    events: "事件",
    description: "说明",
  },
);

/**
 * Who changed what in all projects, newest first.
 *
 * @param seen changes when something was changed on this page, so that the list is read again
 */
export function ChangesCard({ seen }: { readonly seen: unknown }) {
  const changes = useSignal<readonly Change[] | undefined>(undefined);
  const cursor = useSignal<string | null>(null);
  const failure = useSignal<StudioError | undefined>(undefined);
  const load = async (after: string | null) => {
    try {
      const { nodes, pageInfo } = (await request(ChangesDocument, { after })).auditLog;
      changes.value = after === null ? nodes : [...(changes.value ?? []), ...nodes];
      cursor.value = pageInfo.hasNextPage ? pageInfo.endCursor : null;
      failure.value = undefined;
    } catch (error) {
      failure.value = toStudioError(error);
    }
  };
  useEffect(() => void load(null), [seen]);
  return (
    <section class="card" aria-labelledby="changes-title">
      <header>
        <h2 id="changes-title">{t.title}</h2>
      </header>
      {failure.value && <p role="alert">{explainError(failure.value).title}</p>}
      {changes.value?.length === 0 && <p class="quiet">{t.nothing}</p>}
      <ul class="changes">
        {changes.value?.map((change) => (
          <li key={change.id}>
            <b>{nameIn(actions, change.action)}</b>
            <span>{[change.apiKey?.name, change.project?.name].filter(Boolean).join(" · ")}</span>
            <span class="quiet">{change.changes.map((field) => nameIn(fields, field)).join(", ")}</span>
            <span class="quiet">{actorName(change.actor)}</span>
            <time class="quiet num" dateTime={change.createdAt}>
              {moment(change.createdAt)}
            </time>
          </li>
        ))}
      </ul>
      {cursor.value !== null && (
        <button type="button" class="btn small bare" onClick={() => load(cursor.value)}>
          {t.more}
        </button>
      )}
    </section>
  );
}

/** What something of the graph is called. A newer gateway may know more than this page. */
function nameIn(names: object, name: string): string {
  return (names as Readonly<Record<string, string | undefined>>)[name] ?? name;
}

function actorName(actor: string): string {
  if (actor === "anyone") return t.anyone;
  return actor.startsWith("admin:") ? t.admin(actor.slice("admin:".length)) : t.key;
}
