/** Pictograph's graph as part of another Apollo Server's: `npx node examples/merged-schema.ts` */
import { ApolloServer } from "@apollo/server";
import { expressMiddleware } from "@as-integrations/express5";
import { makeExecutableSchema, mergeSchemas } from "@graphql-tools/schema";
import express from "express";
import { createGateway } from "pictograph";

interface HostContext {
  readonly user: string;
  readonly origin: string;
}

const gateway = await createGateway({
  dataDir: "./data/example",
  // The host keeps its own context. This function reads the caller and the images' root URL from it.
  authenticate: ({ user, origin }: HostContext) => ({
    endUser: user,
    rootUrl: `${origin}/pictures`,
  }),
});

const own = makeExecutableSchema<HostContext>({
  typeDefs: "type Query { me: String! }",
  resolvers: { Query: { me: (_source, _input, { user }) => user } },
});
const apollo = new ApolloServer<HostContext>({
  schema: mergeSchemas({ schemas: [own, gateway.schema] }),
  stopOnTerminationSignals: false,
});
await apollo.start();

const app = express();
app.use("/pictures", gateway.app);
app.use(
  "/graphql",
  express.json(),
  expressMiddleware(apollo, {
    // A real host would read its session here.
    context: async ({ req }) => ({ user: req.get("X-User") ?? "nobody", origin: `${req.protocol}://${req.host}` }),
  }),
);

const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  const { port } = server.address() as { port: number };
  console.log(`http://localhost:${port}/graphql`);
});

process.once("SIGTERM", async () => {
  server.close();
  await apollo.stop();
  await gateway.close();
});
