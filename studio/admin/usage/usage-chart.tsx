import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { calendarDay } from "../../words/format.ts";
import { axisMarks, type Chart } from "./usage.ts";

interface UsageChartProps {
  readonly chart: Chart;
  /** Says what it shows, to people who do not see it. The table says the rest. */
  readonly label: string;
  readonly write: (value: number) => string;
}

/** The height of the columns and of the space below them, in pixels. */
const PLOT = 168;
const FOOT = 22;
/** Space above the columns, so that the highest label is not cut off. */
const HEAD = 8;
/** The room of the axis' labels. */
const AXIS = 52;
/** Labels of days stand at least so far apart. */
const LABEL_PIXELS = 84;
/** The width until the real one is measured. */
const FIRST_WIDTH = 640;

/** Columns of days, each made of the parts of the models. It is drawn as wide as its place. */
export function UsageChart({ chart, label, write }: UsageChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const width = useSignal(FIRST_WIDTH);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry) width.value = Math.max(1, Math.floor(entry.contentRect.width));
    });
    if (place.current) observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  const { days } = chart;
  const marks = axisMarks(Math.max(0, ...days.map(({ total }) => total)), !chart.isMoney);
  const top = marks.at(-1) || 1;
  const column = (width.value - AXIS) / Math.max(1, days.length);
  const toY = (value: number) => HEAD + PLOT * (1 - value / top);
  const every = Math.max(1, Math.ceil(LABEL_PIXELS / column));
  return (
    <div ref={place} class="chart-place">
      <svg class="chart" width={width.value} height={HEAD + PLOT + FOOT} role="img" aria-label={label}>
        {marks.map((value) => (
          <g key={value}>
            <line x1={AXIS} x2={width.value} y1={toY(value)} y2={toY(value)} />
            <text x={AXIS - 8} y={toY(value) + 4} text-anchor="end">
              {write(value)}
            </text>
          </g>
        ))}
        {days.map(({ day, parts, total }, index) => {
          const x = AXIS + index * column;
          let below = 0;
          return (
            <g key={day} class="day">
              <title>{`${calendarDay(day)}: ${write(total)}`}</title>
              <rect class="hit" x={x} y={HEAD} width={column} height={PLOT} />
              {parts.map(({ series, value }) => {
                const y = toY(below + value);
                const height = Math.max(1, toY(below) - y - 1);
                below += value;
                return (
                  <rect
                    key={series}
                    class={`series-${series + 1}`}
                    x={x + column * 0.14}
                    y={y}
                    width={column * 0.72}
                    height={height}
                    rx={1.5}
                  />
                );
              })}
              {(days.length - 1 - index) % every === 0 && (
                <text
                  x={index === days.length - 1 ? x + column : x + column / 2}
                  y={HEAD + PLOT + FOOT - 4}
                  text-anchor={index === days.length - 1 ? "end" : "middle"}
                >
                  {calendarDay(day)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
    </div>
  );
}
