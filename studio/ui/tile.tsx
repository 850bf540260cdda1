import type { ComponentChildren } from "preact";
import type { Picture } from "../state/generations.ts";

interface TileProps {
  readonly picture: Pick<Picture, "width" | "height" | "placeholder" | "thumbnail" | "url">;
  readonly alt: string;
  readonly href: string;
  readonly children?: ComponentChildren;
}

/** Pictures with both sides below this many pixels stand on a mat: they are never enlarged more than twice. */
const MAT_PIXELS = 160;

/** Whether a picture is so small that it stands on a mat. */
export function isOnMat({ width, height }: { readonly width: number; readonly height: number }): boolean {
  return Math.max(width, height) < MAT_PIXELS;
}

/** One picture on the wall. Its placeholder is shown until it has arrived. */
export function Tile({ picture, alt, href, children }: TileProps) {
  const { width, height, placeholder, thumbnail, url } = picture;
  const isSmall = isOnMat(picture);
  return (
    <figure class={isSmall ? "tile mat" : "tile"} style={{ "--ar": width / height }}>
      <a href={href}>
        <img
          src={isSmall ? url : thumbnail}
          alt={alt}
          width={width}
          height={height}
          loading="lazy"
          decoding="async"
          style={{ backgroundImage: `url("${placeholder}")`, ...(isSmall && { inlineSize: `${width * 2}px` }) }}
        />
      </a>
      {children}
    </figure>
  );
}
