import { render } from "preact";
import { App } from "./app/app.tsx";
import { start } from "./app/start.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";

// Before anything is drawn: the price on the button waits for the answer.
void start();
render(<App />, document.body);
