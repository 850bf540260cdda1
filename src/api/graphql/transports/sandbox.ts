import type { ApolloServerPlugin } from "@apollo/server";
import { ApolloServerPluginLandingPageLocalDefault } from "@apollo/server/plugin/landingPage/default";

/** The operation that Sandbox shows first, ready to run. */
const firstMutation = (typePrefix: string) => `mutation FirstImages($input: ${typePrefix}GenerateImagesInput!) {
  generateImages(input: $input) {
    id
    status
    images {
      url
      width
      height
    }
    failure {
      code
      message
    }
  }
}
`;
/** The prompt is that of the 2022 document. */
const FIRST_INPUT = { prompt: "A cute asian girl with long hair smiling and looking at me", n: 2, size: "1024x1024" };

/** The last option that the page passes to Sandbox. */
const LAST_OPTION = /\binitialEndpoint,(?=\n\s*\})/;
/** Adds the address for subscriptions. Sandbox accepts it, but Apollo Server has no option for it. */
const SUBSCRIPTIONS = `$&\n      initialSubscriptionEndpoint: initialEndpoint.replace(/^http/, "ws"),`;

/** How long the page may take to load Sandbox's script from Apollo's site. */
const LOAD_TIMEOUT_MS = 5_000;

/**
 * Adds a script that leads to the gateway's own GraphiQL if Sandbox cannot be loaded. Without internet the page would
 * stay blank. The script comes first in the page, because it would otherwise wait for the files that the page loads. It
 * listens in the capture phase, because the error events of scripts do not bubble.
 */
const withFallback = (page: string) => {
  const [, nonce = ""] = /'nonce-([0-9a-f]+)'/.exec(page) ?? [];
  const script = `<script nonce="${nonce}">
      function showGraphiQL() {
        if (!window.EmbeddedSandbox) location.replace(location.pathname.replace(/graphql\\/?$/i, "graphiql"));
      }
      addEventListener("error", ({ target }) => target instanceof HTMLScriptElement && showGraphiQL(), true);
      setTimeout(showGraphiQL, ${LOAD_TIMEOUT_MS});
    </script>`;
  return page.replace("<link", () => `${script}\n    <link`);
};

/**
 * Shows Apollo Sandbox to a browser, ready to run a first mutation and to follow it.
 *
 * @param hasGraphiQL whether `/graphiql` exists, to be shown if Sandbox cannot be loaded
 * @param typePrefix the prefix of the graph's types
 */
export function showSandbox(hasGraphiQL: boolean, typePrefix: string): ApolloServerPlugin {
  const plugin = ApolloServerPluginLandingPageLocalDefault({
    document: firstMutation(typePrefix),
    variables: { input: FIRST_INPUT },
    footer: false,
  });
  return {
    async serverWillStart(server) {
      const page = await (await plugin.serverWillStart?.(server))?.renderLandingPage?.();
      if (!page) return;
      const { html } = page;
      const render = async () => {
        const text = (typeof html === "string" ? html : await html()).replace(LAST_OPTION, SUBSCRIPTIONS);
        return hasGraphiQL ? withFallback(text) : text;
      };
      return { renderLandingPage: async () => ({ html: render }) };
    },
  };
}
