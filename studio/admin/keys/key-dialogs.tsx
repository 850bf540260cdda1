import { useSignal } from "@preact/signals";
import { toStudioError } from "../../api/errors.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { OptionList } from "../../ui/option-list.tsx";
import { explainError } from "../../words/error-words.ts";
import { words } from "../../words/language.ts";
import { type ManagedKey, type NewToken, revokeKey, rotateKey } from "./keys.ts";

const t = words(
  {
    rotate: (name: string) => `Rotate ${name}`,
    rotateText: "The key gets a new token. Its limits stay. Choose how long the old token works.",
    overlap: "The old token works for",
    none: "It ends at once",
    hour: "One hour",
    day: "One day",
    week: "One week",
    revoke: (name: string) => `Revoke ${name}?`,
    revokeText: "Programs that use this key are refused within a second. This cannot be undone.",
    doRotate: "Make a new token",
    doRevoke: "Revoke",
    cancel: "Cancel",
  },
  {
    rotate: (name: string) => `轮换 ${name}`,
    rotateText: "密钥会得到新的令牌，限制不变。请选择旧令牌的有效时间。",
    overlap: "旧令牌继续有效",
    none: "立即失效",
    hour: "一小时",
    day: "一天",
    week: "一周",
    revoke: (name: string) => `吊销 ${name}？`,
    revokeText: "使用此密钥的程序会在一秒内被拒绝。此操作无法撤销。",
    doRotate: "生成新令牌",
    doRevoke: "吊销",
    cancel: "取消",
  },
);

/** How long the old token of a rotated key may go on working, in seconds. */
const OVERLAPS = { none: 0, hour: 3_600, day: 86_400, week: 604_800 } as const;
type Overlap = keyof typeof OVERLAPS;

interface RotateDialogProps {
  readonly apiKey: ManagedKey;
  readonly onMade: (made: NewToken) => void;
  readonly onClose: () => void;
}

/** Asks how long the old token works, and makes a new one. */
export function RotateDialog({ apiKey, onMade, onClose }: RotateDialogProps) {
  const overlap = useSignal<Overlap>("day");
  const failure = useSignal("");
  const rotate = () =>
    rotateKey(apiKey.id, OVERLAPS[overlap.value]).then(onMade, (error) => {
      failure.value = explainError(toStudioError(error)).title;
    });
  return (
    <Dialog title={t.rotate(apiKey.name)} onClose={onClose}>
      <p class="quiet">{t.rotateText}</p>
      <OptionList
        label={t.overlap}
        chosen={overlap.value}
        options={(Object.keys(OVERLAPS) as Overlap[]).map((value) => ({ value, label: t[value] }))}
        onChoose={(value) => {
          overlap.value = value;
        }}
      />
      <Foot label={t.doRotate} failure={failure.value} onClick={rotate} onClose={onClose} />
    </Dialog>
  );
}

/** Asks once more, because nobody can bring a revoked key back. */
export function RevokeDialog({ apiKey, onClose }: { readonly apiKey: ManagedKey; readonly onClose: () => void }) {
  const failure = useSignal("");
  const revoke = () =>
    revokeKey(apiKey.id).then(onClose, (error) => {
      failure.value = explainError(toStudioError(error)).title;
    });
  return (
    <Dialog title={t.revoke(apiKey.name)} onClose={onClose}>
      <p class="quiet">{t.revokeText}</p>
      <Foot label={t.doRevoke} isDangerous failure={failure.value} onClick={revoke} onClose={onClose} />
    </Dialog>
  );
}

interface FootProps {
  readonly label: string;
  readonly isDangerous?: boolean;
  readonly failure: string;
  readonly onClick: () => void;
  readonly onClose: () => void;
}

function Foot({ label, isDangerous = false, failure, onClick, onClose }: FootProps) {
  return (
    <>
      {failure && (
        <p class="why bad" role="alert">
          {failure}
        </p>
      )}
      <div class="acts">
        <button type="button" class="btn soft" onClick={onClose}>
          {t.cancel}
        </button>
        <button type="button" class={isDangerous ? "btn danger" : "btn main"} onClick={onClick}>
          {label}
        </button>
      </div>
    </>
  );
}
