import { Client } from "pg";
import { connectionConfig, placeOf, toStartError } from "./postgres-connections.ts";

export interface PostgresState {
  /** The database, for messages to the operator: `localhost:5432/pictures`. */
  readonly place: string;
  /** `18.4`. */
  readonly version: string;
  /** The time of the database. */
  readonly time: Date;
}

const ANSWER_TIMEOUT_MS = 5_000;

/**
 * Asks a database for its version and its time. Nothing in it is changed.
 *
 * @throws StartError when it cannot be reached or used; it names the place, never the password
 */
export async function checkPostgres(url: string): Promise<PostgresState> {
  const place = placeOf(url);
  const client = new Client(connectionConfig(url, ANSWER_TIMEOUT_MS));
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query(
      "select current_setting('server_version') as version, clock_timestamp() as time",
    );
    return { place, version: String(rows[0].version), time: new Date(rows[0].time) };
  } catch (error) {
    throw toStartError(place, error);
  } finally {
    await client.end().catch(() => {});
  }
}
