import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { key, keyState } from "../api/key.ts";
import { Icon, Mark } from "../ui/icon.tsx";
import { words } from "../words/language.ts";
import "./key-gate.css";

const t = words(
  {
    title: "This gateway needs a key",
    intro: "A key opens this gateway and says which project you work in.",
    label: "Key",
    open: "Open",
    wrong:
      "This key does not open the gateway. It may be revoked or mistyped. Ask whoever runs the gateway for a new one.",
    kept: "An API key stays in this tab until you close it or choose “Forget the key”. An admin key is forgotten when the page is reloaded. Both are sent to this gateway alone.",
  },
  {
    title: "此网关需要密钥",
    intro: "密钥用于打开网关，并说明你在哪个项目中工作。",
    label: "密钥",
    open: "打开",
    wrong: "这把密钥打不开网关。它可能已被吊销，或输入有误。请向网关管理员索取新的密钥。",
    kept: "API 密钥会保留在此标签页中，直到你关闭它或选择“忘记密钥”。管理员密钥在重新加载页面后即被忘记。两者都只发送给此网关。",
  },
);

/** Asks for the key of a keyed gateway. */
export function KeyGate({ onAccepted }: { readonly onAccepted: () => Promise<void> }) {
  const typed = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  const isWrong = keyState.value === "wrong";
  useEffect(() => field.current?.focus(), []);
  const onSubmit = async (event: Event) => {
    event.preventDefault();
    if (!typed.value.trim()) return;
    key.value = typed.value.trim();
    await onAccepted();
    field.current?.select();
  };
  return (
    <main class="gate">
      <form onSubmit={onSubmit} autocomplete="off">
        <span class="brand">
          <Mark />
          <span>Pictograph</span>
        </span>
        <h1>{t.title}</h1>
        <p>{t.intro}</p>
        <label for="key">{t.label}</label>
        <div class={isWrong ? "field wrong" : "field"}>
          <Icon name="key" />
          <input
            ref={field}
            id="key"
            type="password"
            spellcheck={false}
            autocomplete="off"
            value={typed}
            onInput={({ currentTarget }) => {
              typed.value = currentTarget.value;
            }}
            aria-invalid={isWrong}
            aria-describedby={isWrong ? "key-error" : undefined}
          />
        </div>
        {isWrong && (
          <p class="err" id="key-error" role="alert">
            <Icon name="warn" small />
            {t.wrong}
          </p>
        )}
        <button type="submit" class="btn main">
          {t.open}
        </button>
        <small>{t.kept}</small>
      </form>
    </main>
  );
}
