import { copyText } from "../../image/copy.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Icon } from "../../ui/icon.tsx";
import { words } from "../../words/language.ts";
import type { NewToken } from "./keys.ts";

const t = words(
  {
    title: "Copy the new key now",
    text: "Pictograph keeps only its fingerprint. After you close this, nobody can show it again; you can always make another.",
    copy: "Copy",
    copied: "The key is copied.",
    done: "Done, I have it",
  },
  {
    title: "请立即复制新密钥",
    text: "Pictograph 只保存它的指纹。关闭此窗口后，任何人都无法再次显示它；但随时可以创建新的密钥。",
    copy: "复制",
    copied: "密钥已复制。",
    done: "好，我已保存",
  },
);

/** Shows a token, once. */
export function TokenDialog({ made, onClose }: { readonly made: NewToken; readonly onClose: () => void }) {
  return (
    <Dialog title={t.title} onClose={onClose}>
      <p class="quiet">{t.text}</p>
      <div class="token">
        <code>{made.token}</code>
        <button type="button" class="btn small main" onClick={() => copyText(made.token, t.copied)}>
          <Icon name="copy" small />
          {t.copy}
        </button>
      </div>
      <p class="faint">{made.apiKey.name}</p>
      <div class="acts">
        <button type="button" class="btn soft" onClick={onClose}>
          {t.done}
        </button>
      </div>
    </Dialog>
  );
}
