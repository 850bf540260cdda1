import { oneOf, parseBoolean, parseHttpUrl, parseWord } from "./setting-parsers.ts";
import type { Read } from "./variable-names.ts";

/** Which traces are recorded. */
export interface TraceSampler {
  /** Of the traces that begin here: all, none, or a part of them. */
  readonly rule: "always_on" | "always_off" | "traceidratio";
  /** Whether a trace that a caller began is recorded if the caller records it, whatever the rule says. */
  readonly isParentBased: boolean;
  /** The part of the traces that `traceidratio` records, 0 to 1. */
  readonly ratio: number;
}

/** A collector of traces that takes OTLP over HTTP, and what it is sent. */
export interface TraceExport {
  /** The whole address, such as `http://localhost:4318/v1/traces`. */
  readonly url: string;
  /** Sent with every request. They may hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Describes the process: `service.name` and what else the operator wants to tell its traces apart by. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: TraceSampler;
}

const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
type SamplerName = (typeof SAMPLERS)[number];

const DEFAULT_SERVICE_NAME = "pictograph";

/**
 * Reads where traces are sent, by the variables that OpenTelemetry gives these names.
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function readTraces(read: Read, problems: string[]): TraceExport | undefined {
  const endpoint = read<string | undefined>("OTEL_EXPORTER_OTLP_ENDPOINT", parseHttpUrl, undefined);
  const tracesEndpoint = read<string | undefined>("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", parseHttpUrl, undefined);
  const url = tracesEndpoint ?? (endpoint === undefined ? undefined : `${endpoint}/v1/traces`);
  // Without an address, the other variables are meant for other programs of this machine.
  if (url === undefined || read("OTEL_SDK_DISABLED", parseBoolean, false)) return undefined;
  if (read("OTEL_TRACES_EXPORTER", oneOf("otlp", "none"), "otlp") === "none") return undefined;
  for (const name of ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] as const) {
    read(name, parseProtocol, undefined);
  }
  const resource = read("OTEL_RESOURCE_ATTRIBUTES", parsePairs, {});
  const serviceName = read<string | undefined>("OTEL_SERVICE_NAME", (text) => text, undefined);
  const headers = {
    ...read("OTEL_EXPORTER_OTLP_HEADERS", parsePairs, {}),
    ...read("OTEL_EXPORTER_OTLP_TRACES_HEADERS", parsePairs, {}),
  };
  for (const [name, value] of Object.entries(headers)) {
    if (/^[!#$%&'*+.^_`|~\w-]+$/.test(name) && /^[\t\x20-\x7e]*$/.test(value)) continue;
    problems.push("OTEL_EXPORTER_OTLP_HEADERS must hold only names and values that HTTP headers can have");
    break;
  }
  return {
    url,
    headers,
    resource: {
      "service.name": DEFAULT_SERVICE_NAME,
      ...resource,
      ...(serviceName && { "service.name": serviceName }),
    },
    sampler: readSampler(read, problems),
  };
}

function readSampler(read: Read, problems: string[]): TraceSampler {
  const name: SamplerName = read("OTEL_TRACES_SAMPLER", oneOf(...SAMPLERS), "parentbased_always_on");
  const text = read<string | undefined>("OTEL_TRACES_SAMPLER_ARG", parseWord, undefined);
  const rule = name.replace("parentbased_", "") as TraceSampler["rule"];
  const ratio = rule === "traceidratio" && text !== undefined ? Number(text) : 1;
  if (!(ratio >= 0 && ratio <= 1)) {
    problems.push(`OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1: the part of the traces that ${name} records`);
  }
  return { rule, isParentBased: name !== rule, ratio };
}

function parseProtocol(text: string): undefined {
  if (text === "http/protobuf") return undefined;
  throw new Error("must be http/protobuf, which collectors take on port 4318; other protocols are not supported");
}

/** Parses `name=value,name=value`, with values in percent-encoding. The message never has the text: it may be a secret. */
function parsePairs(text: string): Readonly<Record<string, string>> {
  const entries = text.split(",").map((pair) => {
    const [name = "", ...rest] = pair.split("=");
    if (!name.trim() || rest.length === 0) throw new Error("must be a list like name=value,name=value");
    return [name.trim(), decode(rest.join("=").trim())] as const;
  });
  return Object.fromEntries(entries);
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new Error("must have its values in percent-encoding, such as %20 for a space and %25 for %");
  }
}
