import { useSignal } from "@preact/signals";
import { addressOf } from "../api/client.ts";
import { keyState } from "../api/key.ts";
import { Icon } from "../ui/icon.tsx";
import { Segments } from "../ui/segments.tsx";
import { words } from "../words/language.ts";
import { CODE_LANGUAGES, type CodeLanguage, codeFor } from "./code.ts";
import { copyText } from "./copy.ts";
import type { ShownImage } from "./shown-image.ts";

const t = words(
  {
    language: "Language",
    copy: "Copy",
    copied: "The code is copied.",
    key: "Your key is never put into the text. Set PICTOGRAPH_API_KEY where you run it.",
    file: "image.png stands for the picture that is edited.",
    seed: "The Images API knows no seed. In GraphQL it is part of the request.",
  },
  {
    language: "语言",
    copy: "复制",
    copied: "代码已复制。",
    key: "密钥不会写进代码。请在运行环境中设置 PICTOGRAPH_API_KEY。",
    file: "image.png 代表要编辑的图片。",
    seed: "Images API 没有种子。GraphQL 请求中包含它。",
  },
);

const NAMES: Readonly<Record<CodeLanguage, string>> = {
  graphql: "GraphQL",
  curl: "curl",
  javascript: "JavaScript",
  python: "Python",
};
const STRINGS = /("(?:[^"\\]|\\.)*")/;

/** The request that made the picture, ready to be pasted. */
export function CodePane({ image }: { readonly image: ShownImage }) {
  const language = useSignal<CodeLanguage>("graphql");
  const { generation, derivedFrom } = image;
  const request = {
    ...generation,
    model: generation.model.id,
    size: generation.requestedSize,
    sources: derivedFrom.map(({ id }) => id),
  };
  const isKeyed = keyState.value === "accepted";
  const rootUrl = addressOf("").replace(/\/$/, "");
  const code = codeFor(language.value, request, { rootUrl, isKeyed });
  const isGraphql = language.value === "graphql";
  return (
    <>
      <Segments
        label={t.language}
        chosen={language.value}
        options={CODE_LANGUAGES.map((value) => ({ value, label: NAMES[value] }))}
        onChoose={(chosen) => {
          language.value = chosen;
        }}
      />
      <div class="code">
        <button type="button" class="btn small" onClick={() => copyText(code, t.copied)}>
          <Icon name="copy" small />
          {t.copy}
        </button>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled by keyboard */}
        <pre tabIndex={0} dir="ltr">
          {code.split(STRINGS).map((part, index) => (index % 2 === 1 ? <b key={index}>{part}</b> : part))}
        </pre>
      </div>
      {isKeyed && !isGraphql && <p class="why">{t.key}</p>}
      {generation.operation === "EDIT" && !isGraphql && <p class="why">{t.file}</p>}
      {generation.seed !== null && !isGraphql && <p class="why">{t.seed}</p>}
    </>
  );
}
