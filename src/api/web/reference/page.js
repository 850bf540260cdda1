/**
 * Fills the forms so that they can be sent unchanged. A field shows the example of its schema or is empty, and empty
 * fields are not sent. By default, the viewer invents a value for each field.
 */
const honestForms = () => ({
  afterLoad({ fn }) {
    const { getSampleSchema } = fn;
    fn.getSampleSchema = (schema, contentType, ...rest) => {
      // The viewer omits the content type only for the fields of a form.
      const isField = contentType === false;
      return isField && !("examples" in toPlain(schema)) ? "" : getSampleSchema(schema, contentType, ...rest);
    };
  },
  statePlugins: {
    oas3: {
      wrapActions: {
        setRequestBodyInclusion: (set) => (inclusion) => set({ ...inclusion, value: false }),
        // When the type of the body changes, start with its example. Otherwise the viewer shows the example of a form
        // but does not
        // send it.
        setRequestBodyValue: (set, system) => (change) => {
          const { value, pathMethod } = change;
          const isForm = system.oas3Selectors.requestContentType(...pathMethod) !== "application/json";
          if (value !== undefined || !isForm) return set(change);
          const example = JSON.parse(system.oas3Selectors.selectDefaultRequestBodyValue(...pathMethod));
          return set({ ...change, value: system.Im.fromJS(example) });
        },
      },
      wrapSelectors: {
        hasUserEditedBody: () => () => false,
      },
    },
  },
});

function toPlain(schema) {
  return schema.toJS?.() ?? schema;
}

/** As many pictures as one request makes. */
const MAX_PICTURES = 10;

/** Shows the pictures of an answer: those that its JSON contains, and those whose addresses it names. */
const answerPictures = ({ React }) => ({
  wrapComponents: {
    responseBody: (Original) => (props) =>
      React.createElement(
        React.Fragment,
        null,
        React.createElement(
          "div",
          { className: "answer-pictures" },
          picturesIn(props.content).map((source) =>
            React.createElement("img", { key: source.slice(-64), src: source, alt: "A picture of this answer" }),
          ),
        ),
        React.createElement(Original, props),
      ),
  },
});

function picturesIn(content) {
  const sources = [];
  const collect = (value) => {
    if (typeof value !== "object" || value === null) return;
    // Browsers recognise the format by the bytes.
    if (typeof value.b64_json === "string") sources.push(`data:image/png;base64,${value.b64_json}`);
    for (const part of Object.values(value)) {
      if (typeof part === "string" && isPicture(part)) sources.push(part);
      else collect(part);
    }
  };
  collect(parseJson(content));
  return sources.slice(0, MAX_PICTURES);
}

/** Whether an address is that of a picture of this gateway. */
function isPicture(address) {
  return address.startsWith(new URL("images/", document.baseURI).href);
}

function parseJson(content) {
  try {
    return typeof content === "string" ? JSON.parse(content) : content;
  } catch {
    return undefined;
  }
}

/** The viewer has a dark form, which it does not choose by itself. */
const darkness = matchMedia("(prefers-color-scheme: dark)");
const followDarkness = () => document.documentElement.classList.toggle("dark-mode", darkness.matches);
darkness.addEventListener("change", followDarkness);
followDarkness();

// No validator: it would send the document to another host.
globalThis.SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null,
  plugins: [honestForms, answerPictures],
});
