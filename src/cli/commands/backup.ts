import { type Command, JSON_OPTION } from "../command.ts";
import { CommandFailure } from "../command-failure.ts";
import { countOf } from "../generation.ts";
import { printable } from "../printable.ts";
import { readOperatorConfig, reportProblems } from "../stores.ts";
import { versionOfPackage } from "../version.ts";

export const backup: Command = {
  summary: "Back up an embedded gateway, which may be running",
  usage: "DIRECTORY [options]",
  arguments: [1, 1],
  options: {
    "with-signing-secret": { description: "copy the signing secret of the data directory too" },
    ...JSON_OPTION,
  },
  details: [
    "Copies the database of PICTOGRAPH_DATA_DIR, and then every image that the copy names, and compares each image with its SHA-256. Images that DIRECTORY has from earlier backups are not copied again. A backup that was cut off goes on when the command runs again; the one before stays complete until then.",
    "Without the signing secret, image URLs made before a restore do not work after it, and webhooks need their secrets replaced. Keep a copy of it elsewhere, or use --with-signing-secret.",
    "Records in PostgreSQL are backed up with pg_dump: docs/operating.md in the source repository says how.",
  ],
  examples: ["pictograph backup /mnt/backup/pictograph"],
  async run({ flags, terminal, interrupted }) {
    const [directory = ""] = flags.arguments;
    const config = await readOperatorConfig();
    const hasSecret = flags.isSet("with-signing-secret");
    const { makeBackup } = await import("../../backup/make-backup.ts");
    terminal.progress("Copying the database");
    const { manifest, copied, present } = await reportProblems(
      makeBackup({
        config,
        directory,
        version: versionOfPackage(),
        hasSecret,
        signal: interrupted,
        onProgress: (done, all) => terminal.progress(`Copying images: ${done} of ${all}`),
      }),
    );
    terminal.endProgress();
    const { createdAt, deletedMeanwhile, begunMeanwhile, missing } = manifest;
    if (flags.isSet("json"))
      terminal.json({ directory, createdAt, copied, present, deletedMeanwhile, begunMeanwhile, missing });
    else
      terminal.data(
        `${directory}: the gateway as of ${createdAt}, ${countOf(copied, "file")} copied, ${present} already there`,
      );
    if (!hasSecret && config.signingSecret === undefined) {
      terminal.remark("The signing secret is not in it: keep a copy, or use --with-signing-secret.");
    }
    if (missing.count === 0) return;
    for (const { key, reason } of missing.files) terminal.warn(`${printable(key)} is ${reason}`);
    throw new CommandFailure(
      `the backup is complete, but the gateway itself lacks ${countOf(missing.count, "file")}; \`pictograph verify\` lists them`,
    );
  },
};
