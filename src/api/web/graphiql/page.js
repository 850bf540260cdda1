/* global React, ReactDOM, GraphiQL, graphqlSse */

/** The prefix of the graph's types. */
const { typePrefix } = document.documentElement.dataset;

/** Stands for the id of the newest generation. */
const NEWEST = "gen_…";

const TABS = [
  {
    query: `# Ctrl-Enter runs it: two pictures that are kept.
mutation FirstImages($input: ${typePrefix}GenerateImagesInput!) {
  generateImages(input: $input) {
    id
    status
    images {
      url
      thumbnail: url(width: 256, format: WEBP)
      width
      height
    }
    failure {
      code
      message
    }
  }
}
`,
    variables: {
      input: { prompt: "A cute asian girl with long hair smiling and looking at me", n: 2, size: "1024x1024" },
    },
  },
  {
    query: `# Answers at once; follow it in the next tab.
mutation Begin {
  generateImages(
    input: {
      prompt: "a red fox in a snowy forest at night"
      n: 4
      partialImages: 2
      waitSeconds: 0
    }
  ) {
    id
  }
}
`,
  },
  {
    query: `# The present state, what happens, and the end: of your newest generation, until you put another id below.
subscription Follow($id: ID!) {
  generationEvents(id: $id) {
    __typename
    ... on ${typePrefix}GenerationStatusChanged {
      generation {
        status
      }
    }
    ... on ${typePrefix}PartialImageReady {
      imageIndex
      partialIndex
      url
    }
    ... on ${typePrefix}ImageReady {
      image {
        index
        url
      }
    }
  }
}
`,
    variables: { id: NEWEST },
  },
  {
    query: `# What you have made, newest first.
query History($first: Int = 10, $after: String) {
  generations(first: $first, after: $after) {
    edges {
      node {
        id
        status
        prompt
        model {
          id
        }
        images {
          url(width: 256)
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
`,
  },
];

const toText = (variables) => variables && JSON.stringify(variables, null, 2);

// On a first visit GraphiQL reads the variables of its first tab only from here.
if (localStorage.getItem("graphiql:tabState") === null) {
  localStorage.setItem("graphiql:variables", toText(TABS[0].variables));
}

async function request(operation, headers) {
  const response = await fetch("graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/graphql-response+json", ...headers },
    body: JSON.stringify(operation),
  });
  return response.json();
}

function isSubscription(document, name) {
  return document?.definitions.some(
    (part) => part.operation === "subscription" && (!name || part.name?.value === name),
  );
}

async function newestId(headers) {
  const { data } = await request({ query: "{ generations(first: 1) { edges { node { id } } } }" }, headers);
  const [newest] = data.generations.edges;
  if (!newest) throw new Error("There is no generation yet. Run the tab Begin first.");
  return newest.node.id;
}

async function subscribe(operation, headers) {
  const { variables } = operation;
  const id = variables?.id === NEWEST ? await newestId(headers) : variables?.id;
  const url = new URL("graphql/stream", location.href).href;
  const events = graphqlSse.createClient({ url, headers, retryAttempts: 0 });
  return events.iterate({ ...operation, variables: { ...variables, id } });
}

function fetcher(operation, { documentAST: document, headers } = {}) {
  return isSubscription(document, operation.operationName)
    ? subscribe(operation, headers)
    : request(operation, headers);
}

const { createElement } = React;

/** A gateway that requires keys shows this page instead of Sandbox, which runs on Apollo's site. */
const isAtGraphql = /\/graphql\/?$/.test(location.pathname);
const sandboxUrl = isAtGraphql
  ? `https://studio.apollographql.com/sandbox/explorer?endpoint=${encodeURIComponent(location.href)}`
  : "graphql";

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  createElement(
    GraphiQL,
    {
      fetcher,
      defaultTabs: TABS.map(({ query, variables }) => ({ query, variables: toText(variables) })),
      defaultEditorToolsVisibility: "variables",
      shouldPersistHeaders: false,
    },
    createElement(
      GraphiQL.Logo,
      null,
      createElement("a", { href: sandboxUrl, className: "sandbox-link" }, "Open Apollo Sandbox"),
    ),
  ),
);
