/** What the layout has to know of a picture. */
export interface Shape {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Pictures of one group stand together. */
  readonly groupId: string;
}

/** A picture in its row. Lengths are CSS pixels. */
export interface Slot {
  /** The index among all pictures. */
  readonly index: number;
  readonly left: number;
  readonly width: number;
}

export interface Row {
  readonly top: number;
  readonly height: number;
  readonly slots: readonly Slot[];
  /** Whether a group begins with it: its heading stands above, in {@link HEADING_HEIGHT}. */
  readonly hasHeading: boolean;
}

export interface Layout {
  readonly rows: readonly Row[];
  readonly height: number;
  /** The row of each picture. */
  readonly rowOf: readonly number[];
}

export interface LayoutOptions {
  readonly width: number;
  /** The height that rows aim at. */
  readonly rowHeight: number;
  readonly gap: number;
  readonly isGrouped: boolean;
}

/** The height of the heading of a group. */
export const HEADING_HEIGHT = 48;
/** Space between groups. */
const GROUP_GAP = 20;
/** Longer or taller pictures stand on a mat of this shape: a thread of a few pixels could not be hit. */
const MIN_RATIO = 0.4;
const MAX_RATIO = 4;
/** How much taller than their aim rows may get when that fills them. */
const MAX_STRETCH = 1.35;

/** The shape of the place that a picture gets: width by height. */
export function ratioOf({ width, height }: Pick<Shape, "width" | "height">): number {
  return Math.min(MAX_RATIO, Math.max(MIN_RATIO, width / height));
}

/**
 * Hangs pictures in rows of equal height that fill the width. The last row, and the last of each group, keeps the
 * height that rows aim at instead. More pictures at the end change no row but the last.
 */
export function layOut(shapes: readonly Shape[], { width, rowHeight, gap, isGrouped }: LayoutOptions): Layout {
  const rows: Row[] = [];
  const rowOf: number[] = [];
  let top = 0;
  const hang = (from: number, to: number, ratios: number, isLast: boolean, hasHeading: boolean) => {
    const filling = (width - gap * (to - from - 1)) / ratios;
    const height = isLast ? Math.min(filling, rowHeight) : filling;
    const rowTop = top + (hasHeading ? HEADING_HEIGHT : 0);
    let left = 0;
    const slots: Slot[] = [];
    for (let index = from; index < to; index++) {
      const slotWidth = ratioOf(shapes[index] as Shape) * height;
      slots.push({ index, left, width: slotWidth });
      left += slotWidth + gap;
      rowOf.push(rows.length);
    }
    rows.push({ top: rowTop, height, slots, hasHeading });
    top = rowTop + height + gap;
  };

  let from = 0;
  while (from < shapes.length) {
    const end = isGrouped ? endOfGroup(shapes, from) : shapes.length;
    let isHeaded = isGrouped;
    while (from < end) {
      const { to, ratios, isFull } = takeRow(shapes, from, end, { width, rowHeight, gap });
      hang(from, to, ratios, !isFull, isHeaded);
      isHeaded = false;
      from = to;
    }
    if (isGrouped) top += GROUP_GAP;
  }
  return { rows, rowOf, height: Math.max(0, top - gap) };
}

/** Takes as many pictures as bring a row nearest to the height it aims at. */
function takeRow(
  shapes: readonly Shape[],
  from: number,
  end: number,
  { width, rowHeight, gap }: Omit<LayoutOptions, "isGrouped">,
) {
  let ratios = 0;
  let before = Number.POSITIVE_INFINITY;
  for (let to = from; to < end; to++) {
    const ratio = ratioOf(shapes[to] as Shape);
    const height = (width - gap * (to - from)) / (ratios + ratio);
    if (height <= rowHeight) {
      const isBetterWithout = before <= rowHeight * MAX_STRETCH && before - rowHeight < rowHeight - height;
      return isBetterWithout ? { to, ratios, isFull: true } : { to: to + 1, ratios: ratios + ratio, isFull: true };
    }
    ratios += ratio;
    before = height;
  }
  return { to: end, ratios, isFull: false };
}

function endOfGroup(shapes: readonly Shape[], from: number): number {
  const id = shapes[from]?.groupId;
  let end = from + 1;
  while (end < shapes.length && shapes[end]?.groupId === id) end++;
  return end;
}

/** The first row that ends below a height; the number of rows if none does. */
export function firstRowBelow({ rows }: Layout, height: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle] as Row;
    if (row.top + row.height > height) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Most pictures that are in the document at once. */
const MAX_PICTURES = 240;

/** The rows to show, from the first to before the last. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/**
 * The rows between two heights, and as many above and below as fit into a margin and into the number of pictures that
 * the document may hold.
 */
export function rowsBetween(layout: Layout, top: number, bottom: number, margin: number): RowRange {
  const { rows } = layout;
  let from = Math.min(firstRowBelow(layout, top), Math.max(0, rows.length - 1));
  let to = Math.max(Math.min(rows.length, from + 1), firstRowBelow(layout, bottom) + 1);
  to = Math.min(to, rows.length);
  let room = MAX_PICTURES;
  for (let at = from; at < to; at++) room -= rows[at]?.slots.length ?? 0;
  for (let isGrowing = true; isGrowing; ) {
    isGrowing = false;
    const after = rows[to];
    if (after && after.top < bottom + margin && after.slots.length <= room) {
      room -= after.slots.length;
      to++;
      isGrowing = true;
    }
    const before = rows[from - 1];
    if (before && before.top + before.height > top - margin && before.slots.length <= room) {
      room -= before.slots.length;
      from--;
      isGrowing = true;
    }
  }
  return { from, to };
}

/** The picture to which an arrow key leads; the same at the edges. */
export function neighbourOf({ rows, rowOf }: Layout, index: number, key: string): number {
  const at = rowOf[index] ?? 0;
  const row = rows[at];
  const slot = row?.slots.find((each) => each.index === index);
  if (!row || !slot) return index;
  switch (key) {
    case "ArrowLeft":
      return Math.max(0, index - 1);
    case "ArrowRight":
      return Math.min(rowOf.length - 1, index + 1);
    case "Home":
      return row.slots[0]?.index ?? index;
    case "End":
      return row.slots.at(-1)?.index ?? index;
  }
  const other = rows[key === "ArrowUp" ? at - 1 : at + 1];
  if (!other) return index;
  const middle = slot.left + slot.width / 2;
  const distance = ({ left, width }: Slot) => Math.abs(left + width / 2 - middle);
  return other.slots.reduce((best, each) => (distance(each) < distance(best) ? each : best)).index;
}
