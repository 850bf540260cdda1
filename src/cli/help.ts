import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { toFlag } from "./flags.ts";
import type { Terminal } from "./terminal.ts";

/** The widest line of a help text. */
const MAX_COLUMNS = 100;

/** The help of `pictograph serve`. */
export const SERVE_HELP: Omit<Command, "run" | "arguments"> = {
  summary: "Start the gateway; so does `pictograph` alone",
  usage: "",
  options: {},
  details: ["All settings are environment variables. docs/configuration.md in the source repository lists them."],
  examples: ["pictograph serve", "PORT=9000 pictograph serve"],
};

/** Prints what `pictograph` can do. */
export async function printOverview(terminal: Terminal): Promise<void> {
  const commands = await Promise.all(
    Object.entries(COMMANDS).map(async ([name, load]) => [name, (await load()).summary] as const),
  );
  const rows = [["serve", SERVE_HELP.summary] as const, ...commands];
  const heading = (text: string) => terminal.dataStyle("bold", text);
  terminal.data(`${heading("pictograph")}: a gateway for image generation, and its command line\n`);
  terminal.data(`${heading("Usage")}\n  pictograph COMMAND [options]\n`);
  terminal.data(`${heading("Commands")}\n${toColumnsOfTwo(rows)}\n`);
  terminal.data(`${heading("Environment")}`);
  terminal.data(
    `${toColumnsOfTwo([
      ["PICTOGRAPH_URL", "the gateway to call (default: http://localhost:8080)"],
      ["PICTOGRAPH_API_KEY", "the key to call it with"],
    ])}\n`,
  );
  terminal.data(`${heading("Example")}\n  pictograph generate "a red fox" -n 2 --size 1536x1024 -o fox.png\n`);
  terminal.data("`pictograph COMMAND --help` explains a command.");
}

/** Prints how a command is used. */
export function printHelp(terminal: Terminal, name: string, command: Omit<Command, "run" | "arguments">): void {
  const { summary, usage, options, details = [], examples } = command;
  const heading = (text: string) => terminal.dataStyle("bold", text);
  terminal.data(`${summary}.\n`);
  terminal.data(`${heading("Usage")}\n  pictograph ${name} ${usage}`.trimEnd());
  const rows = Object.entries(options).map(([option, { short, value, description }]) => {
    const names = [...new Set([short ?? option, option])].map(toFlag).join(", ");
    return [value === undefined ? names : `${names} ${value}`, description] as const;
  });
  terminal.data(`\n${heading("Options")}\n${toColumnsOfTwo([...rows, ["-h, --help", "print this"]])}`);
  for (const detail of details) terminal.data(`\n${wrap(detail, MAX_COLUMNS)}`);
  const title = examples.length === 1 ? "Example" : "Examples";
  terminal.data(`\n${heading(title)}\n${examples.map((example) => `  ${example}`).join("\n")}`);
}

function toColumnsOfTwo(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 4;
  return rows
    .map(
      ([left, right]) =>
        `  ${left.padEnd(width - 2)}${wrap(right, MAX_COLUMNS - width).replaceAll("\n", `\n${" ".repeat(width)}`)}`,
    )
    .join("\n");
}

function wrap(text: string, columns: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join("\n");
}
