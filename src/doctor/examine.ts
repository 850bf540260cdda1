import { type Config, readConfig } from "../config.ts";
import { StartError } from "../errors.ts";
import type { ModelsFile } from "../wiring/models-file.ts";
import { readKeys, readModels } from "../wiring/open-providers.ts";
import { checkAccess } from "./check-access.ts";
import { checkClock } from "./check-clock.ts";
import { checkProviders, nearestTime } from "./check-providers.ts";
import { checkSigning } from "./check-signing.ts";
import { checkDatabase, checkDisk, checkImages } from "./check-storage.ts";
import { type Finding, ok, problem, type RemoteTime } from "./finding.ts";

/**
 * Checks everything that a gateway with the settings of this environment needs. It leaves nothing behind, and a
 * gateway may run meanwhile.
 */
export async function* examine(): AsyncGenerator<Finding> {
  let config: Config;
  let models: ModelsFile | undefined;
  let keys: ReadonlyMap<string, string>;
  try {
    config = readConfig();
    models = await readModels(config);
    keys = readKeys(models);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    for (const text of error.message.split("\n")) yield problem("configuration", text, "correct this setting");
    return;
  }
  yield ok("configuration", "all settings are valid");
  const remoteTimes: RemoteTime[] = [];
  const asked = checkProviders(config, models, keys);
  const database = await checkDatabase(config);
  yield database.finding;
  if (database.remoteTime) remoteTimes.push(database.remoteTime);
  const providers = await asked;
  for (const { finding } of providers) yield finding;
  const providersTime = nearestTime(providers);
  if (providersTime) remoteTimes.push(providersTime);
  yield await checkImages(config);
  yield await checkDisk(config);
  const signing = await checkSigning(config);
  if (signing) yield signing;
  yield checkClock(remoteTimes);
  yield checkAccess(config, models);
}
