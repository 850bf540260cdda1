import { writeFile } from "node:fs/promises";
import { CONTESTANTS, type Contestant } from "./contestants.ts";
import type { Reading } from "./reading.ts";

const FILE = new URL("../../docs/pictures/hot-path.svg", import.meta.url);
const COLOURS: Readonly<Record<Contestant, string>> = {
  floor: "#9aa5b1",
  "/get-image": "#2f6fde",
  generateImages: "#e5519a",
  "/v1 URLs": "#3fae6a",
  "/v1 base64": "#7a4fd0",
  shim: "#e0a030",
  "shim base64": "#c0632a",
  LiteLLM: "#6b4a3a",
};
const BAR = 20;
const GROUP = CONTESTANTS.length * BAR + 22;
const PLOT_HEIGHT = 150;
const PANEL_HEIGHT = PLOT_HEIGHT + 90;
const LEFT = 60;
const LEGEND_COLUMNS = 4;
const LEGEND_COLUMN_WIDTH = 140;
const LEGEND_ROW_HEIGHT = 20;
const LEGEND_HEIGHT = Math.ceil(CONTESTANTS.length / LEGEND_COLUMNS) * LEGEND_ROW_HEIGHT + 20;

interface Group {
  readonly label: string;
  readonly values: readonly number[];
}

/** Draws what the hot path costs: processor time for each load, and the peak of memory under the largest. */
export async function writeHotPathChart(readings: readonly Reading[]): Promise<void> {
  const pictures = [...new Set(readings.map(({ picture }) => picture))];
  const panels = pictures.map((picture) => {
    const own = readings.filter((reading) => reading.picture === picture);
    return panel(
      `CPU an image of ${picture.label}, ms`,
      toGroups(own, ({ cpuMsAnImage }) => cpuMsAnImage),
    );
  });
  const loads = new Set(readings.map(({ n, callers }) => `${n} ${callers}`)).size;
  const largest = readings.filter(({ n, callers }) => n === 4 && callers === 32);
  const peaks = pictures.map((picture) => ({
    label: picture.label,
    values: valuesOf(
      largest.filter((reading) => reading.picture === picture),
      ({ peakBytes }) => peakBytes / 2 ** 20,
    ),
  }));
  panels.push(panel("Peak memory, n = 4, 32 callers, MiB", peaks));
  const width = LEFT + loads * GROUP + 20;
  const height = LEGEND_HEIGHT + panels.length * PANEL_HEIGHT;
  const legend = CONTESTANTS.map((name, index) => {
    const x = LEFT + (index % LEGEND_COLUMNS) * LEGEND_COLUMN_WIDTH;
    const y = 14 + Math.floor(index / LEGEND_COLUMNS) * LEGEND_ROW_HEIGHT;
    return (
      `<rect x="${x}" y="${y}" width="12" height="12" fill="${COLOURS[name]}"/>` +
      `<text x="${x + 18}" y="${y + 10}">${name}</text>`
    );
  });
  const body = panels.map(
    (content, index) => `<g transform="translate(0 ${LEGEND_HEIGHT + index * PANEL_HEIGHT})">${content}</g>`,
  );
  await writeFile(
    FILE,
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">
<title>What an image costs on its way from the provider to the disk</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${[...legend, ...body].join("\n")}
</svg>
`,
  );
}

function toGroups(readings: readonly Reading[], toValue: (reading: Reading) => number): Group[] {
  const loads = [...new Set(readings.map(({ n, callers }) => `n = ${n}, ${callers} at once`))];
  return loads.map((label) => ({
    label,
    values: valuesOf(
      readings.filter(({ n, callers }) => `n = ${n}, ${callers} at once` === label),
      toValue,
    ),
  }));
}

function valuesOf(readings: readonly Reading[], toValue: (reading: Reading) => number): number[] {
  return CONTESTANTS.map((contestant) => {
    const reading = readings.find((candidate) => candidate.contestant === contestant);
    return reading ? toValue(reading) : 0;
  });
}

function panel(title: string, groups: readonly Group[]): string {
  const most = Math.max(...groups.flatMap(({ values }) => values));
  const bars = groups.flatMap(({ label, values }, group) => {
    const left = LEFT + group * GROUP;
    const drawn = values.map((value, index) => {
      const height = (value / most) * PLOT_HEIGHT;
      const x = left + index * BAR;
      const y = 30 + PLOT_HEIGHT - height;
      const shown = value < 10 ? value.toFixed(1) : value.toFixed(0);
      return (
        `<rect x="${x}" y="${y.toFixed(1)}" width="${BAR - 2}" height="${height.toFixed(1)}" ` +
        `fill="${COLOURS[CONTESTANTS[index] ?? "floor"]}"/>` +
        `<text x="${x + BAR / 2 - 1}" y="${(y - 3).toFixed(1)}" font-size="7" text-anchor="middle">${shown}</text>`
      );
    });
    const middle = left + (CONTESTANTS.length * BAR) / 2;
    return [...drawn, `<text x="${middle}" y="${PLOT_HEIGHT + 46}" font-size="9" text-anchor="middle">${label}</text>`];
  });
  const baseline = `<path d="M${LEFT - 6} ${30.5 + PLOT_HEIGHT}H${LEFT + groups.length * GROUP}" stroke="#333333"/>`;
  return `<text x="${LEFT}" y="14" font-size="13">${title}</text>${baseline}${bars.join("")}`;
}
