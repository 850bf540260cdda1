import { keyState } from "../api/key.ts";
import { place } from "../router.ts";
import { loadFailure, viewer } from "../state/gateway.ts";
import { Toasts } from "../ui/toast.tsx";
import { KeyGate } from "./key-gate.tsx";
import { Keyboard } from "./keyboard.tsx";
import { ConnectionBanner, Offline } from "./offline.tsx";
import { pageNamed } from "./pages.ts";
import { start } from "./start.ts";
import { TopBar } from "./top-bar.tsx";
import "./shell.css";

/** The studio: a bar on top, and the page that the address names. */
export function App() {
  if (keyState.value === "missing" || keyState.value === "wrong") return <KeyGate onAccepted={start} />;
  if (loadFailure.value && !viewer.value) return <Offline failure={loadFailure.value} onRetry={start} />;
  return (
    <>
      <Page />
      <ConnectionBanner />
      <Toasts />
      <Keyboard />
    </>
  );
}

function Page() {
  const [name = "", ...rest] = place.value.path;
  const { Component, hasTopBar } = pageNamed(name);
  return (
    <>
      {hasTopBar && <TopBar />}
      <Component key={name} path={rest} />
    </>
  );
}
