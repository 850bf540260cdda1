import { RUSH, RUSH_BUDGET, rush } from "../test/support/clients/budget-rush.ts";
import { startPostgresServer } from "../test/support/stores/postgres.ts";
import { GATEWAY, MeasuredProcess } from "./processes/measured-process.ts";
import { median, ms, type Row } from "./row.ts";

const ROUNDS = 100;
const ADMIN_KEY = "the-admin-key-of-a-measurement-with-32-characters";

/** Sends 500 requests at once against a budget of ten images, 100 times, to one process and to two on one PostgreSQL. */
export async function measure(): Promise<Row[]> {
  const server = await startPostgresServer();
  try {
    const environment = { DATABASE_URL: await server.createDatabase() };
    return [
      await measureRounds("one process", [await start()]),
      await measureRounds("two on one PostgreSQL", [await start(environment), await start(environment)]),
    ];
  } finally {
    await server.stop();
  }
}

function start(environment: Record<string, string> = {}): Promise<MeasuredProcess> {
  return MeasuredProcess.start(GATEWAY, { environment: { PICTOGRAPH_ADMIN_KEY: ADMIN_KEY, ...environment } });
}

async function measureRounds(name: string, gateways: readonly [MeasuredProcess, ...MeasuredProcess[]]): Promise<Row> {
  const [first, ...others] = gateways;
  const times: number[] = [];
  let kept = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const startedAt = performance.now();
    const facts = await rush([first.url, ...others.map(({ url }) => url)], ADMIN_KEY);
    times.push(performance.now() - startedAt);
    const { accepted, refused, spentImages, heldImages } = facts;
    const isExact = accepted === RUSH_BUDGET && refused === RUSH - RUSH_BUDGET;
    if (isExact && spentImages === RUSH_BUDGET && heldImages === 0) kept++;
    else console.error(facts);
  }
  for (const gateway of gateways) await gateway.stop();
  return {
    figure: `rounds of ${RUSH} requests of which ${RUSH_BUDGET} were accepted, ${name}`,
    measured: String(kept),
    target: String(ROUNDS),
    comparedWith: `${ROUNDS} rounds, each of ${ms(median(times))}, the slowest ${ms(Math.max(...times))}`,
  };
}
