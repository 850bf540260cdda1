import { type Command, type CommandContext, JSON_OPTION } from "../command.ts";
import { CommandFailure, usageFailure } from "../command-failure.ts";
import { countOf } from "../generation.ts";
import { printable } from "../printable.ts";
import { readOperatorConfig, reportProblems } from "../stores.ts";
import type { Terminal } from "../terminal.ts";

/** What each kind of finding means, for people. */
const MEANINGS = {
  absent: "a record names this file, and the store does not have it",
  damaged: "the file has other bytes than the record says",
  unnamed: "no record names this file any more",
  foreign: "the gateway did not make this file",
  derivative: "the records count a derivative that the store does not have",
} as const;

type Kind = keyof typeof MEANINGS;

interface Finding {
  readonly kind: Kind;
  readonly key: string;
  readonly isMended: boolean;
}

interface Result {
  readonly fileCount: number;
  readonly counts: Readonly<Record<Kind, number>>;
  readonly mendedCount: number;
}

export const verify: Command = {
  summary: "Find records without images and images without records",
  usage: "[BACKUP] [options]",
  arguments: [0, 1],
  options: {
    mend: { description: "remove what no record names any more, and derivatives that are lost" },
    quick: { description: "compare sizes, without reading the images" },
    ...JSON_OPTION,
  },
  details: [
    "Reads every record and every image of the store that the environment names: PICTOGRAPH_DATA_DIR, or DATABASE_URL and S3_BUCKET. A gateway may run meanwhile. With BACKUP, it reads every file of that backup instead.",
    "--mend changes only what loses nothing: files of deleted images that are older than a day, and counts of lost derivatives. Images that are lost or damaged are only listed. An embedded gateway must be stopped for it.",
    "Without a terminal, it prints one JSON value a line: each finding, and a summary at the end. Exits with 1 if something is wrong that was not mended.",
  ],
  examples: ["pictograph verify", "pictograph verify --mend", "pictograph verify /mnt/backup/pictograph"],
  async run(context) {
    const { flags, terminal } = context;
    const isJson = flags.isSet("json") || !terminal.isForPeople;
    terminal.progress("Reading records");
    const { fileCount, counts, mendedCount } = await reportProblems(
      runVerification(context, (finding) => {
        if (isJson) terminal.json(finding);
        else printFinding(terminal, finding);
      }),
    );
    terminal.endProgress();
    const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const summary = `${countOf(fileCount, "file")} read, ${countOf(all, "finding")}, ${mendedCount} mended`;
    if (isJson) terminal.json({ fileCount, ...counts, mendedCount });
    else terminal.data(summary);
    // Files of others cost only space.
    const open = all - counts.foreign - mendedCount;
    if (open === 0) return;
    const isMendable = flags.arguments.length === 0 && !flags.isSet("mend");
    const advice = isMendable ? "; --mend mends what can be mended without loss" : "";
    throw new CommandFailure(`${countOf(open, "finding")} not mended${advice}`);
  },
};

async function runVerification(
  { flags, terminal, interrupted }: CommandContext,
  onFinding: (finding: Finding) => void,
): Promise<Result> {
  const [directory] = flags.arguments;
  const [mends, isQuick] = [flags.isSet("mend"), flags.isSet("quick")];
  const watching = {
    signal: AbortSignal.any([interrupted, terminal.readerGone]),
    onFinding,
    onProgress: (done: number, all: number) => terminal.progress(`Reading images: ${done} of ${all}`),
  };
  if (directory === undefined) {
    const { verifyStore } = await import("../../backup/verify-store.ts");
    return verifyStore({ config: await readOperatorConfig(), isQuick, mends, ...watching });
  }
  if (mends || isQuick) {
    throw usageFailure("a backup is always read as a whole, and never mended: leave out --mend and --quick");
  }
  const { verifyBackup } = await import("../../backup/verify-backup.ts");
  return verifyBackup({ directory, ...watching });
}

function printFinding(terminal: Terminal, { kind, key, isMended }: Finding): void {
  const meaning = terminal.dataStyle("dim", MEANINGS[kind]);
  terminal.data(`${kind.padEnd(11)}${isMended ? "mended  " : ""}${printable(key)}  ${meaning}`);
}
