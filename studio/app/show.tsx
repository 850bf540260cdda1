import { render } from "preact";
import { App } from "./app.tsx";
import "../styles/tokens.css";
import "../styles/base.css";
import "../styles/controls.css";

// A script from the browser's cache may run before the rest of the page is read.
if (document.readyState === "loading") {
  await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
}
render(<App />, document.body);
