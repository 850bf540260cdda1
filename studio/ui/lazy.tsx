import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { words } from "../words/language.ts";
import { FailureCard } from "./failure-card.tsx";

const t = words({ reload: "Load the page again" }, { reload: "重新加载页面" });

type Load<Props> = () => Promise<ComponentType<Props>>;

/** Makes a component of one whose code is loaded when it is first shown. */
export function lazy<Props extends object>(load: Load<Props>): ComponentType<Props> {
  let Loaded: ComponentType<Props> | undefined;
  return function Lazy(props: Props) {
    const [state, setState] = useState<"loading" | "loaded" | "failed">(Loaded ? "loaded" : "loading");
    useEffect(() => {
      if (Loaded) return;
      load().then(
        (component) => {
          Loaded = component;
          setState("loaded");
        },
        // The gateway is away, or a newer version of it no longer has this file.
        () => setState("failed"),
      );
    }, []);
    if (state === "loading") return null;
    if (Loaded) return <Loaded {...props} />;
    return (
      <FailureCard failure={{ code: "OFFLINE", facts: {} }} isPage>
        <button type="button" class="btn small soft" onClick={() => location.reload()}>
          {t.reload}
        </button>
      </FailureCard>
    );
  };
}
