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

// No validator: it would send the document to another host.
globalThis.SwaggerUIBundle({
  url: new URL("openapi.json", document.baseURI).href,
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  validatorUrl: null,
  plugins: [honestForms],
});
