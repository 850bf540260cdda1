import { GraphQLError, GraphQLScalarType, Kind } from "graphql";
import { GraphQLDateTime } from "graphql-scalars";

/** A date and time in ISO 8601, in UTC. */
export const DateTimeScalar = new GraphQLScalarType({
  ...GraphQLDateTime.toConfig(),
  specifiedByURL: "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
});

/**
 * Only checks that the size is text. The service checks whether the size is allowed, because its error can name the
 * input field.
 */
export const ImageSizeScalar = textScalar(
  "ImageSize",
  'Width and height in pixels, "WIDTHxHEIGHT": "1024x1024". Each side 64 to 3840, ratio 1:3 to 3:1.',
  "https://html.spec.whatwg.org/multipage/semantics.html#attr-link-sizes",
);

export const UsdScalar = textScalar(
  "USD",
  'An amount in US dollars as a decimal string: "0.042113".',
  "https://www.w3.org/TR/xmlschema11-2/#decimal",
);

function textScalar(name: string, description: string, specifiedByURL: string): GraphQLScalarType<string, string> {
  return new GraphQLScalarType<string, string>({
    name,
    description,
    specifiedByURL,
    serialize: (value) => toText(name, value),
    parseValue: (value) => toText(name, value),
    parseLiteral: (node) => toText(name, node.kind === Kind.STRING ? node.value : undefined),
  });
}

function toText(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new GraphQLError(`${name} must be a string`);
}
