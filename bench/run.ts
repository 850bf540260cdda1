import type { Row, Section } from "./row.ts";

/** What `npm run bench` measures one after the other; `npm run bench -- queue start` measures only these. */
const SECTIONS: Readonly<Record<string, () => Promise<Section>>> = {
  start: () => import("./start.ts"),
  "command-line": () => import("./command-line.ts"),
  pictures: () => import("./pictures.ts"),
  signing: () => import("./signing.ts"),
  delivery: () => import("./delivery.ts"),
  queue: () => import("./queue.ts"),
  graph: () => import("./graph.ts"),
  keys: () => import("./keys.ts"),
  "hot-path": () => import("./hot-path.ts"),
  postgres: () => import("./postgres.ts"),
  history: () => import("./history.ts"),
  usage: () => import("./usage.ts"),
  budget: () => import("./budget.ts"),
  live: () => import("./live.ts"),
  webhooks: () => import("./webhooks.ts"),
  backup: () => import("./backup.ts"),
  observing: () => import("./observing.ts"),
  studio: () => import("./studio.ts"),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in SECTIONS));
if (unknown.length > 0) {
  console.error(`no section ${unknown.join(", ")}; there are ${Object.keys(SECTIONS).join(", ")}`);
  process.exit(1);
}

const rows: Row[] = [];
for (const [name, load] of Object.entries(SECTIONS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.error(`measuring ${name} …`);
  rows.push(...(await (await load()).measure()));
}
console.table(Object.fromEntries(rows.map(({ figure, ...row }) => [figure, row])));
