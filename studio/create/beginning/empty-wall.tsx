import type { ComponentChildren } from "preact";
import { focusPrompt } from "../../dock/prompt-field.tsx";
import { ratioOf, sizeOf } from "../../dock/sizes.ts";
import { isFree } from "../../state/gateway.ts";
import { words } from "../../words/language.ts";
import { choose, prompt } from "../settings.ts";
import { IDEAS } from "./ideas.ts";
import "./empty-wall.css";

const t = words(
  {
    title: "An empty wall.\nWhat goes up first?",
    intro: "Describe a picture, or start with one of these.",
    free: "No key, no network: the illustrator draws on this machine.",
    ideas: "Ideas",
  },
  {
    title: "一面空墙，\n想挂什么？",
    intro: "描述一幅图片，或从下面挑一个开始。",
    free: "无需密钥，无需联网：插画师在本机绘制。",
    ideas: "灵感",
  },
);

/** What people see before there is a picture: the bar in the middle. */
export function EmptyWall({ children }: { readonly children: ComponentChildren }) {
  return (
    <section class="first">
      <h1>{t.title}</h1>
      <p>
        {t.intro} {isFree.value && t.free}
      </p>
      <div class="dock-place">{children}</div>
    </section>
  );
}

/** Prompts to begin with. A click writes one into the bar. */
export function Ideas() {
  return (
    <section class="wall ideas" aria-label={t.ideas}>
      {IDEAS.map(({ text, shape, picture }) => (
        <div key={shape + picture} class="tile" style={{ "--ar": ratioOf(shape) }}>
          <button
            type="button"
            class="idea"
            onClick={() => {
              prompt.value = text();
              choose({ size: sizeOf(shape, "medium") });
              focusPrompt();
            }}
          >
            <img src={picture} alt="" />
            <span class="written">{text()}</span>
            <span
              class={ratioOf(shape) >= 1 ? "shape flat" : "shape tall"}
              style={{ "--ar": ratioOf(shape) }}
              aria-hidden="true"
            />
          </button>
        </div>
      ))}
    </section>
  );
}
