import type { Command } from "./command.ts";

/** Every command but `serve`, by name, in the order of the help. Each is loaded when it is needed. */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  generate: async () => (await import("./commands/generate.ts")).generate,
  edit: async () => (await import("./commands/edit.ts")).edit,
  watch: async () => (await import("./commands/watch.ts")).watch,
  list: async () => (await import("./commands/list.ts")).list,
  show: async () => (await import("./commands/show.ts")).show,
  cancel: async () => (await import("./commands/cancel.ts")).cancel,
  delete: async () => (await import("./commands/delete.ts")).deleteGenerations,
  quote: async () => (await import("./commands/quote.ts")).quote,
  models: async () => (await import("./commands/models.ts")).models,
  usage: async () => (await import("./commands/usage.ts")).usage,
  projects: async () => (await import("./commands/projects.ts")).projects,
  keys: async () => (await import("./commands/keys.ts")).keys,
  webhooks: async () => (await import("./commands/webhooks.ts")).webhooks,
  backup: async () => (await import("./commands/backup.ts")).backup,
  restore: async () => (await import("./commands/restore.ts")).restore,
  verify: async () => (await import("./commands/verify.ts")).verify,
  doctor: async () => (await import("./commands/doctor.ts")).doctor,
};
