import { execFile, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "@jest/globals";
import { stringify } from "yaml";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "./when-present.ts";

const CHART = fileURLToPath(new URL("../../deploy/helm/pictograph", import.meta.url));
/** Decodes manifests with the types of the Kubernetes API. */
const MANIFESTS = fileURLToPath(new URL("kubernetes", import.meta.url));

const hasHelm = await runsHere("helm", "version");
const hasGo = hasHelm && (await runsHere("go", "version"));
const PYTHON = process.env.PICTOGRAPH_TEST_PYTHON ?? "python3";
const hasSchemas = hasHelm && (await runsHere(PYTHON, "-c", "import kubernetes_validate"));
const newDirectory = temporaryDirectories();

const LEAST = { existingSecrets: ["pictograph"], config: { S3_BUCKET: "pictures" } };
const WHOLE = {
  ...LEAST,
  imagePullSecrets: [{ name: "registry" }],
  ingress: { enabled: true, host: "pictures.example", tlsSecret: "tls", className: "nginx", annotations: { a: "b" } },
  trustedProxies: 1,
  service: { annotations: { a: "b" } },
  metrics: { serviceMonitor: { enabled: true, labels: { release: "prometheus" } } },
  web: { nodeSelector: { zone: "a" }, tolerations: [{ key: "images", operator: "Exists" }] },
  worker: { affinity: { nodeAffinity: {} } },
};

async function helm(command: readonly string[], values: object): Promise<string> {
  const file = join(await newDirectory(), "values.yaml");
  await writeFile(file, stringify(values));
  const { stdout } = await promisify(execFile)("helm", [...command, CHART, "--values", file]);
  return stdout;
}

const KUBERNETES_VERSION = "1.34";
const render = (values: object) => helm(["template", "demo", "--kube-version", `${KUBERNETES_VERSION}.0`], values);

async function checkManifests(manifests: string): Promise<string> {
  const check = spawn("go", ["run", "."], { cwd: MANIFESTS, stdio: ["pipe", "pipe", "inherit"] });
  check.stdin.end(manifests);
  return text(check.stdout);
}

/** Validates manifests with the JSON schemas of Kubernetes, and returns the validator's result for each. */
async function validateManifests(manifests: string): Promise<string> {
  const parameters = ["-m", "kubernetes_validate", "--strict", "--kubernetes-version", KUBERNETES_VERSION, "-"];
  const check = spawn(PYTHON, parameters, { stdio: ["pipe", "pipe", "inherit"] });
  check.stdin.end(manifests);
  return text(check.stdout);
}

testWhere(hasHelm, "helm", "the linter finds no problem in the chart", async () => {
  expect(await helm(["lint", "--strict"], WHOLE)).toContain("0 chart(s) failed");
});

testWhere(hasGo, "helm and go", "the chart's manifests have only fields that Kubernetes knows", async () => {
  const [least, whole] = [await checkManifests(await render(LEAST)), await checkManifests(await render(WHOLE))];
  const [web, worker] = ["Deployment demo-pictograph-web", "Deployment demo-pictograph-worker"];

  expect(least + whole).not.toContain("wrong");
  expect(least).toContain(`right: ${web}\nright: ${worker}\n`);
  expect(whole).toContain("right: Ingress demo-pictograph\n");
  expect(whole).toContain("not checked: ServiceMonitor\n");
  expect(await checkManifests((await render(LEAST)).replaceAll("runAsNonRoot", "runsAsNonRoot"))).toContain("wrong");
});

const schemas = `helm and ${PYTHON} with the package kubernetes-validate`;
testWhere(hasSchemas, schemas, "the chart's manifests are valid by the schemas of Kubernetes", async () => {
  const [least, whole] = [await render(LEAST), await render(WHOLE)];
  const said = (await validateManifests(least)) + (await validateManifests(whole));

  expect(said).toContain("passed for resource deployment/demo-pictograph-worker");
  expect(said).toContain("passed for resource ingress/demo-pictograph");
  expect(said).not.toContain("did not validate");
  // Decoding does not notice a missing required field.
  const withoutPorts = least.replaceAll(/, containerPort: \d+/g, "");
  expect(await validateManifests(withoutPorts)).toContain("'containerPort' is a required property");
});

for (const [what, values, message] of [
  ["no secret", { config: LEAST.config }, "minItems"],
  ["no bucket", { existingSecrets: ["pictograph"] }, "S3_BUCKET"],
  ["a secret among the settings", { ...LEAST, config: { ...LEAST.config, OPENAI_API_KEY: "x" } }, "OPENAI_API_KEY"],
  ["an unknown value", { ...LEAST, replicas: 3 }, "replicas"],
  ["an ingress without a host", { ...LEAST, ingress: { enabled: true } }, "host"],
] as const) {
  testWhere(hasHelm, "helm", `the chart refuses values with ${what}`, async () => {
    await expect(render(values)).rejects.toThrow(message);
  });
}
