import type { DigitalSourceType } from "./image-provider.ts";

const VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/";

/** Returns the concept's URI in the vocabulary of the IPTC. */
export function toDigitalSourceUri(type: DigitalSourceType): string {
  return VOCABULARY + type;
}

/**
 * Returns an XMP packet that says how an image was made.
 *
 * @see https://www.iptc.org/std/photometadata/specification/IPTC-PhotoMetadata#digital-source-type
 */
export function toXmp(type: DigitalSourceType): string {
  return [
    '<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>',
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">',
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">',
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"',
    ` Iptc4xmpExt:DigitalSourceType="${toDigitalSourceUri(type)}"/>`,
    "</rdf:RDF></x:xmpmeta>",
    '<?xpacket end="r"?>',
  ].join("");
}

/**
 * Returns the content of a PNG `iTXt` chunk with that XMP packet, in the form in which readers look for it:
 * uncompressed, and without a language.
 *
 * @see https://www.w3.org/TR/png-3/#11iTXt
 */
export function toXmpText(type: DigitalSourceType): Uint8Array {
  return new TextEncoder().encode(`XML:com.adobe.xmp\0\0\0\0\0${toXmp(type)}`);
}
