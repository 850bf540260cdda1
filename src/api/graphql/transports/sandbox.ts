import type { ApolloServerPlugin } from "@apollo/server";
import { ApolloServerPluginLandingPageLocalDefault } from "@apollo/server/plugin/landingPage/default";

/** What Sandbox shows first: the prompt of the 2022 document, ready to run. */
const FIRST_MUTATION = `mutation FirstImages($input: GenerateImagesInput!) {
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
const FIRST_INPUT = { prompt: "A cute asian girl with long hair smiling and looking at me", n: 2, size: "1024x1024" };

/** The end of what the page hands to Sandbox. */
const LAST_OPTION = /\binitialEndpoint,(?=\n\s*\})/;
/** Sandbox takes where it subscribes as well, for which Apollo Server's page has no option. */
const SUBSCRIPTIONS = `$&\n      initialSubscriptionEndpoint: initialEndpoint.replace(/^http/, "ws"),`;

/** How long the page may take to load Sandbox's script from Apollo's site. */
const LOAD_TIMEOUT_MS = 5_000;

/**
 * Without internet the page would stay white: then it leads to the gateway's own GraphiQL, which is beside it. This
 * stands before anything that is loaded, which would keep it waiting; errors of scripts do not bubble.
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
 * @param hasGraphiQL whether `/graphiql` is there to be shown where Sandbox cannot be loaded
 */
export function showSandbox(hasGraphiQL: boolean): ApolloServerPlugin {
  const plugin = ApolloServerPluginLandingPageLocalDefault({
    document: FIRST_MUTATION,
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
