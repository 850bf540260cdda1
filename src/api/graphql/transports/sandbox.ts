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

/** Shows Apollo Sandbox to a browser, ready to run a first mutation and to follow it. */
export function showSandbox(): ApolloServerPlugin {
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
      const render = async () => (typeof html === "string" ? html : await html()).replace(LAST_OPTION, SUBSCRIPTIONS);
      return { renderLandingPage: async () => ({ html: render }) };
    },
  };
}
