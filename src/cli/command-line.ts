import { type ClientConfig, isDumbTerminal, readClientConfig } from "../config.ts";
import { StartError } from "../errors.ts";
import { nearestName } from "../nearest-name.ts";
import { onStopSignal } from "../stop-signals.ts";
import type { Command } from "./command.ts";
import { CommandFailure, EXIT, type ExitCode, usageFailure } from "./command-failure.ts";
import { COMMANDS } from "./commands.ts";
import { Flags } from "./flags.ts";
import { printable } from "./printable.ts";
import { Terminal } from "./terminal.ts";
import { versionOfPackage } from "./version.ts";

const HELP_OPTION = { help: { short: "h", description: "print this" } } as const;
/** Commands write no log. */
const SILENT = { info() {}, warn() {} };

/**
 * Runs a command and ends the process with its exit code. `pictograph serve`, and `pictograph` alone, start the
 * gateway.
 *
 * @param parameters what follows `pictograph`
 * @throws StartError when the gateway cannot start
 */
export async function runCommandLine(parameters: readonly string[]): Promise<void> {
  const [name, ...rest] = parameters;
  if (name === undefined || (name === "serve" && rest.length === 0)) {
    const { serve } = await import("../serve.ts");
    await serve();
    return;
  }
  const terminal = new Terminal(isDumbTerminal());
  const exitCode = await runToEnd(name, rest, terminal);
  await terminal.flush();
  process.exit(terminal.outputError ? await reportLostOutput(terminal, exitCode) : exitCode);
}

/** A script that reads a data file must not take a part of it for the whole. */
async function reportLostOutput(terminal: Terminal, exitCode: ExitCode): Promise<ExitCode> {
  terminal.note(
    `${terminal.style("red", "✗")} stdout cannot be written (${terminal.outputError?.code}); data is missing`,
  );
  await terminal.flush();
  return exitCode === EXIT.success ? EXIT.failure : exitCode;
}

async function runToEnd(name: string, parameters: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const stopped = new AbortController();
  onStopSignal(() => stopped.abort(), SILENT);
  try {
    await dispatch(name, parameters, terminal, stopped.signal);
    return EXIT.success;
  } catch (error) {
    terminal.endProgress();
    if (terminal.readerGone.aborted && !(error instanceof CommandFailure)) return EXIT.success;
    if (stopped.signal.aborted && !(error instanceof CommandFailure)) return EXIT.interrupted;
    const failure = toFailure(error);
    const mark = failure.exitCode === EXIT.interrupted ? "" : `${terminal.style("red", "✗")} `;
    if (failure.message !== "") terminal.note(`${mark}${failure.message}`);
    return failure.exitCode;
  }
}

async function dispatch(
  name: string,
  parameters: readonly string[],
  terminal: Terminal,
  interrupted: AbortSignal,
): Promise<void> {
  if (name === "--version" || name === "-v") {
    terminal.data(versionOfPackage());
    return;
  }
  const { printHelp, printOverview, SERVE_HELP } = await import("./help.ts");
  if (name === "help" || name === "--help" || name === "-h") return printOverview(terminal);
  const asksForHelp = parameters.includes("--help") || parameters.includes("-h");
  if (name === "serve") {
    if (asksForHelp) return printHelp(terminal, name, SERVE_HELP);
    throw usageFailure("pictograph serve takes no flags and no arguments; its settings are environment variables");
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!load) throw unknownCommand(name);
  const command = await load();
  const flags = Flags.parse(parameters, { ...command.options, ...HELP_OPTION });
  if (flags.isSet("help")) return printHelp(terminal, name, command);
  flags.expectArguments(...command.arguments, `pictograph ${name} ${command.usage}`);
  await run(command, flags, terminal, interrupted);
}

async function run(command: Command, flags: Flags, terminal: Terminal, interrupted: AbortSignal): Promise<void> {
  const config = readSettings();
  const projectId = "project" in command.options ? flags.text("project") : undefined;
  const { connectOrStart, connectTo } = await import("./connection.ts");
  await command.run({
    flags,
    terminal,
    config,
    interrupted,
    connect: () => connectTo(config, projectId),
    connectOrStart: () => connectOrStart(config, projectId, terminal),
  });
  terminal.endProgress();
}

/** @throws CommandFailure naming every wrong variable */
function readSettings(): ClientConfig {
  try {
    return readClientConfig();
  } catch (error) {
    throw error instanceof StartError ? usageFailure(error.message) : error;
  }
}

function unknownCommand(name: string): CommandFailure {
  const near = nearestName(name, ["serve", ...Object.keys(COMMANDS)]);
  const advice = near === undefined ? "`pictograph --help` lists them" : `did you mean \`pictograph ${near}\`?`;
  return usageFailure(`there is no command ${printable(name, 60)}; ${advice}`);
}

/** An error that no code expected is printed with its stack: it is a bug of the command line. */
function toFailure(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  if (error instanceof StartError) {
    return new CommandFailure(`Pictograph cannot start:\n${error.message.replaceAll(/^/gm, "  ")}`);
  }
  return new CommandFailure(`unexpected error; please report it:\n${(error as Error).stack}`);
}
