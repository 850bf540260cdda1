import { type Command, JSON_OPTION } from "../command.ts";
import { CommandFailure } from "../command-failure.ts";
import { countOf } from "../generation.ts";
import { printable } from "../printable.ts";
import { readOperatorConfig, reportProblems } from "../stores.ts";

export const restore: Command = {
  summary: "Restore a backup into an empty store",
  usage: "DIRECTORY [options]",
  arguments: [1, 1],
  options: JSON_OPTION,
  details: [
    "Fills PICTOGRAPH_DATA_DIR, which must be empty or not exist. With DATABASE_URL and S3_BUCKET it fills an empty PostgreSQL database and an empty bucket, to move there from one machine. Every image is compared with its SHA-256.",
    "A restore that was cut off goes on when the command runs again with the same backup. Until it is complete, no gateway starts on the store.",
    "Generations that were queued when the backup was made run when a gateway starts. Those that were running end as INTERRUPTED.",
  ],
  examples: ["PICTOGRAPH_DATA_DIR=./restored pictograph restore /mnt/backup/pictograph"],
  async run({ flags, terminal, interrupted }) {
    const [directory = ""] = flags.arguments;
    const config = await readOperatorConfig();
    const { restoreBackup } = await import("../../backup/restore.ts");
    terminal.progress("Checking the backup");
    const { manifest, copied, present, damaged, damagedCount, places, hasSecret } = await reportProblems(
      restoreBackup({
        config,
        directory,
        signal: interrupted,
        onProgress: (done, all) => terminal.progress(`Restoring files: ${done} of ${all}`),
      }),
    );
    terminal.endProgress();
    const { createdAt } = manifest;
    if (flags.isSet("json")) terminal.json({ places, createdAt, copied, present, damagedCount, damaged });
    else terminal.data(`${places.join(", ")}: the gateway as of ${createdAt}, ${countOf(copied + present, "file")}`);
    if (!hasSecret && config.signingSecret === undefined) {
      terminal.warn(
        "the backup has no signing secret: set PICTOGRAPH_SIGNING_SECRET to the earlier one before the gateway starts",
      );
    }
    if (damagedCount === 0) return;
    for (const key of damaged) terminal.warn(`${printable(key)} is damaged or missing in the backup`);
    throw new CommandFailure(
      `everything else is restored, but the backup lacks ${countOf(damagedCount, "file")}; \`pictograph verify\` lists the images`,
    );
  },
};
