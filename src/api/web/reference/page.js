/**
 * Forms that can be sent as they stand: a field has the example of its schema or is empty, and what is empty is not
 * sent. Left to itself the viewer invents a value for each.
 */
const honestForms = () => ({
  afterLoad({ fn }) {
    const { getSampleSchema } = fn;
    fn.getSampleSchema = (schema, contentType, ...rest) => {
      // Only for the fields of a form it is asked without the type of a body.
      const isField = contentType === false;
      return isField && !("examples" in toPlain(schema)) ? "" : getSampleSchema(schema, contentType, ...rest);
    };
  },
  statePlugins: {
    oas3: {
      wrapActions: {
        setRequestBodyInclusion: (set) => (inclusion) => set({ ...inclusion, value: false }),
        // Another kind of body begins anew; the viewer would show a form's example and send nothing of it.
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
