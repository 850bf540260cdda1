import type { DigitalSourceType } from "./image-provider.ts";

const VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/";

/** The concept's address in the vocabulary of the IPTC. */
export function toDigitalSourceUri(type: DigitalSourceType): string {
  return VOCABULARY + type;
}

/**
 * The XMP packet that marks an image with how it came to be.
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
 * The content of a PNG chunk `iTXt` that holds an XMP packet where its readers look for it: neither compressed nor in a
 * language.
 *
 * @see https://www.w3.org/TR/png-3/#11iTXt
 */
export function toXmpText(type: DigitalSourceType): Uint8Array {
  return new TextEncoder().encode(`XML:com.adobe.xmp\0\0\0\0\0${toXmp(type)}`);
}
