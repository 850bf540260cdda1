import { type Command, type CommandContext, JSON_OPTION } from "../command.ts";
import { CommandFailure } from "../command-failure.ts";
import { countOf } from "../generation.ts";
import { printable } from "../printable.ts";

/** What `pictograph doctor` prints for each check. */
interface Finding {
  readonly name: string;
  readonly state: "ok" | "warning" | "problem";
  readonly text: string;
  readonly advice?: string;
}

const MARKS = { ok: ["green", "✓"], warning: ["yellow", "!"], problem: ["red", "✗"] } as const;
const NAME_COLUMNS = 15;

export const doctor: Command = {
  summary: "Check what a gateway needs here, and say what to do",
  usage: "[options]",
  arguments: [0, 0],
  options: JSON_OPTION,
  details: [
    "Checks the configuration of this environment, the database, the providers' keys, the storage of images, the disk, the clock and who may call. Then it asks the gateway at PICTOGRAPH_URL. It leaves nothing behind, and a gateway may run meanwhile. Exits with 1 if there is a problem.",
  ],
  examples: ["pictograph doctor", "pictograph doctor --json"],
  async run(context) {
    const { flags, terminal, interrupted } = context;
    let problems = 0;
    const report = (finding: Finding) => {
      if (finding.state === "problem") problems++;
      if (flags.isSet("json")) terminal.json(finding);
      else print(context, finding);
    };
    terminal.progress("Checking");
    const { examine } = await import("../../doctor/examine.ts");
    for await (const finding of examine()) {
      interrupted.throwIfAborted();
      report(finding);
    }
    report(await checkGateway(context));
    terminal.endProgress();
    if (problems > 0) throw new CommandFailure(`${countOf(problems, "problem")} found`);
  },
};

/** Asks the gateway that commands would call. That there is none is no problem: it may not be started yet. */
async function checkGateway({ connect, config, interrupted }: CommandContext): Promise<Finding> {
  await using connection = connect();
  const { client } = connection;
  const name = "gateway";
  try {
    await client.run("{ viewer { isAdmin project { id } } }", {}, { signal: interrupted });
    return { name, state: "ok", text: `${client.url} answers` };
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    const isExpected = config.url !== undefined || config.apiKey !== undefined;
    return isExpected
      ? { name, state: "problem", text: error.message }
      : { name, state: "ok", text: `none runs at ${client.url}` };
  }
}

function print({ terminal }: CommandContext, { name, state, text, advice }: Finding): void {
  const [color, mark] = MARKS[state];
  terminal.data(`${terminal.dataStyle(color, mark)} ${name.padEnd(NAME_COLUMNS)}${printable(text)}`);
  if (advice !== undefined)
    terminal.data(`${" ".repeat(NAME_COLUMNS + 2)}${terminal.dataStyle("dim", printable(advice))}`);
}
