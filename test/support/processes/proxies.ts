import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect, createServer, type NetConnectOpts } from "node:net";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

export interface ProxyProcess {
  /** Everything on stderr so far. */
  readonly stderr: string;
  /** Resolves when the process is gone. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Runs nginx with its defaults, apart from the directories that it writes to.
 *
 * @param directory is empty, and gets everything that nginx writes
 * @param servers what stands between the braces of `http`
 * @param listening where one of the servers will listen
 * @throws Error if nginx exits before it listens
 */
export async function startNginx(directory: string, servers: string, listening: NetConnectOpts): Promise<ProxyProcess> {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const paths = temporary.map((name) => `${name}_temp_path ${join(directory, name)};`);
  const configuration = `
    daemon off; master_process off; pid ${join(directory, "pid")}; error_log stderr;
    events {}
    http { access_log off; ${paths.join(" ")}
      ${servers}
    }`;
  await writeFile(join(directory, "nginx.conf"), configuration);
  return start("nginx", ["-p", directory, "-c", "nginx.conf"], directory, listening);
}

/**
 * Runs Caddy with this Caddyfile.
 *
 * @param directory gets everything that Caddy writes
 * @param listening where one of the sites will listen
 * @throws Error if Caddy exits before it listens
 */
export async function startCaddy(
  directory: string,
  caddyfile: string,
  listening: NetConnectOpts,
): Promise<ProxyProcess> {
  await writeFile(join(directory, "Caddyfile"), caddyfile);
  return start("caddy", ["run", "--config", join(directory, "Caddyfile")], directory, listening);
}

async function start(
  command: string,
  parameters: readonly string[],
  home: string,
  listening: NetConnectOpts,
): Promise<ProxyProcess> {
  const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home };
  const proxy = spawn(command, parameters, { stdio: ["ignore", "ignore", "pipe"], env });
  let stderr = "";
  proxy.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const exited = once(proxy, "exit");
  let hasExited = false;
  void exited.then(() => {
    hasExited = true;
  });
  while (!(await isListening(listening))) {
    if (hasExited) throw new Error(`${command} exited before it listened: ${stderr}`);
    await setImmediate();
  }
  return {
    get stderr() {
      return stderr;
    },
    async stop() {
      proxy.kill("SIGTERM");
      await exited;
    },
  };
}

/** A port of 127.0.0.1 that was free a moment ago, for programs that cannot choose one themselves. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}

async function isListening(address: NetConnectOpts): Promise<boolean> {
  const socket = connect(address);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
