/** An opaque colour as `#rrggbb`. */
export type Colour = string;

interface Hsl {
  /** Degrees, 0–360. */
  readonly hue: number;
  /** 0–1, as is `lightness`. */
  readonly saturation: number;
  readonly lightness: number;
}

/** Red, green and blue, 0–255 each, of `#rgb` or `#rrggbb`. */
export function toChannels(colour: Colour): [number, number, number] {
  const digits = colour.length === 4 ? colour.replace(/[0-9a-f]/gi, "$&$&") : colour;
  const value = Number.parseInt(digits.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

function fromChannels(red: number, green: number, blue: number): Colour {
  const byte = (channel: number) => Math.max(0, Math.min(255, Math.round(channel)));
  return `#${((byte(red) << 16) | (byte(green) << 8) | byte(blue)).toString(16).padStart(6, "0")}`;
}

/** The colour on the way from one to another; `amount` 0 is the first, 1 the second. */
export function mix(from: Colour, to: Colour, amount: number): Colour {
  const [red, green, blue] = toChannels(from);
  const [toRed, toGreen, toBlue] = toChannels(to);
  return fromChannels(
    red + (toRed - red) * amount,
    green + (toGreen - green) * amount,
    blue + (toBlue - blue) * amount,
  );
}

/** What a surface of this colour looks like in light of another colour. */
export function multiply(surface: Colour, light: Colour): Colour {
  const [red, green, blue] = toChannels(surface);
  const [lightRed, lightGreen, lightBlue] = toChannels(light);
  return fromChannels((red * lightRed) / 255, (green * lightGreen) / 255, (blue * lightBlue) / 255);
}

export const lighten = (colour: Colour, amount: number): Colour => mix(colour, "#ffffff", amount);

/** Darkens towards a deep blue rather than black, as shade does outdoors. */
export const darken = (colour: Colour, amount: number): Colour => mix(colour, "#0b1030", amount);

export function toHsl(colour: Colour): Hsl {
  const [red, green, blue] = toChannels(colour).map((channel) => channel / 255) as [number, number, number];
  const high = Math.max(red, green, blue);
  const low = Math.min(red, green, blue);
  const lightness = (high + low) / 2;
  const spread = high - low;
  if (spread === 0) return { hue: 0, saturation: 0, lightness };
  const saturation = spread / (1 - Math.abs(2 * lightness - 1));
  const sector =
    high === red
      ? ((green - blue) / spread + 6) % 6
      : high === green
        ? (blue - red) / spread + 2
        : (red - green) / spread + 4;
  return { hue: sector * 60, saturation, lightness };
}

/**
 * `hue` in degrees, wrapping; `saturation` and `lightness` 0–1, clamped.
 *
 * @see https://www.w3.org/TR/css-color-4/#hsl-to-rgb
 */
export function fromHsl(hue: number, saturation: number, lightness: number): Colour {
  const clamp = (value: number) => Math.max(0, Math.min(1, value));
  const light = clamp(lightness);
  const reach = clamp(saturation) * Math.min(light, 1 - light);
  const channel = (offset: number) => {
    const turn = (((offset + hue / 30) % 12) + 12) % 12;
    return 255 * (light - reach * Math.max(-1, Math.min(turn - 3, 9 - turn, 1)));
  };
  return fromChannels(channel(0), channel(8), channel(4));
}

/** How bright a colour looks, 0–1. */
export function luminance(colour: Colour): number {
  const [red, green, blue] = toChannels(colour);
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

/** Replaces every `#rgb` and `#rrggbb` in a piece of SVG; references such as `url(#name)` stay. */
export function mapColours(svg: string, map: (colour: Colour) => Colour): string {
  return svg.replace(/"#([0-9a-f]{6}|[0-9a-f]{3})"/gi, (quoted) => {
    const [red, green, blue] = toChannels(quoted.slice(1, -1));
    return `"${map(fromChannels(red, green, blue))}"`;
  });
}

/** Paints a set of colours as another one: the dominant hue moves to the target, light and dark stay apart. */
export function repaint(colour: Colour, dominant: Colour, target: Colour): Colour {
  const from = toHsl(dominant);
  const own = toHsl(colour);
  const to = toHsl(target);
  const isNeutral = from.saturation < 0.18;
  const distance = Math.abs(((own.hue - from.hue + 540) % 360) - 180);
  const belongs = isNeutral
    ? own.saturation < 0.22 && Math.abs(own.lightness - from.lightness) < 0.3
    : own.saturation > 0.2 && distance < 42;
  if (!belongs) return colour;
  const lightness = to.lightness + (own.lightness - from.lightness) * 0.85;
  return fromHsl(to.hue, to.saturation, Math.max(0.06, Math.min(0.97, lightness)));
}
