import { type Finding, ok, problem, type RemoteTime, warning } from "./finding.ts";

const NAME = "clock";
/** Beyond this, JWTs and budget windows go wrong. `Date` headers have whole seconds. */
const WARN_SECONDS = 30;
/** Beyond this, S3 refuses signatures. @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const FAIL_SECONDS = 15 * 60;

/** Compares the clock of this machine with those of others. */
export function checkClock(remoteTimes: readonly RemoteTime[]): Finding {
  const differences = remoteTimes.map(({ source, time, readAt }) => {
    return { source, seconds: Math.round(Math.abs(time.getTime() - readAt.getTime()) / 1000) };
  });
  const [largest] = differences.sort((one, other) => other.seconds - one.seconds);
  if (!largest) return ok(NAME, `${new Date().toISOString()}; there is no other clock to compare it with`);
  const text = `${largest.seconds} s away from that of ${largest.source}`;
  const advice = "synchronize the clock, for example with systemd-timesyncd or chrony";
  if (largest.seconds > FAIL_SECONDS) return problem(NAME, text, advice);
  if (largest.seconds > WARN_SECONDS) return warning(NAME, text, advice);
  return ok(NAME, `agrees with that of ${largest.source}`);
}
