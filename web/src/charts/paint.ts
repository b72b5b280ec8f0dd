import { paintBars } from "./bars";
import { BESIDE, FONT_SIZE, placeOf, type Axis, type Layout, type Place } from "./layout";
import { paintLine, type Stroke } from "./lines";
import { lookOf } from "./look";
import { colourIn, type Palette } from "./palette";
import { isLong } from "./timeline";

/** So many columns are no wider than a pixel or two. */
const DENSE = 368;

/** Lines of one colour, by the pattern that bars of it have. Dashes alone are the rest and the window before. */
const LINES = [[], [2, 2], [10, 3, 2, 3], [2, 5]] as const;

export function axisFont(palette: Palette): string {
  return `${FONT_SIZE}px ${palette.font}`;
}

/** The whole chart, on a canvas that has `ratio` pixels for one of the page. */
export function paint(canvas: HTMLCanvasElement, layout: Layout, ratio: number): void {
  // Which clears it as well.
  canvas.width = Math.round(layout.size.width * ratio);
  canvas.height = Math.round(layout.size.height * ratio);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(ratio, ratio);
  paintAxes(context, layout);
  const { timeline, kind, shown, palette, looks, values, rates } = layout;
  const place = placeOf(layout, values);
  const long = isLong(timeline);
  if (kind === "bars") {
    const stack = shown.map(({ id, values }) => {
      const look = lookOf(id, looks);
      return { colour: colourIn(palette, look), pattern: look.pattern, values };
    });
    const columns = timeline.dates.length;
    const gap = columns > DENSE ? 0 : long ? 0.12 : 0.26;
    const { unfinished } = timeline;
    paintBars(context, { stack, columns, gap, hairline: long ? 0 : 0.5, unfinished, surface: palette.surface }, place);
  } else {
    for (const { id, values, other } of shown) {
      const look = lookOf(id, looks);
      const dash = other ? [8, 4] : LINES[look.pattern];
      paintLine(context, values, { colour: colourIn(palette, look), width: 2, dash, dot: 6 }, place);
    }
  }
  // Dashes finer than the columns are wide would be dust.
  const dash = long ? [] : [4, 3];
  if (timeline.before) paintEdged(context, timeline.before.values, { colour: palette.label, dash }, layout, place);
  if (rates) paintEdged(context, timeline.errorRates ?? [], { colour: palette.bad }, layout, placeOf(layout, rates));
}

function paintAxes(context: CanvasRenderingContext2D, layout: Layout): void {
  const { area, palette, values, rates, names } = layout;
  const bottom = area.top + area.height;
  const right = area.left + area.width;
  const heightOf = (axis: Axis, tick: number) => bottom - (tick / axis.top) * area.height;
  context.font = axisFont(palette);
  context.textBaseline = "middle";
  context.textAlign = "right";
  values.ticks.forEach((tick, i) => {
    const y = heightOf(values, tick);
    context.fillStyle = tick === 0 ? palette.axis : palette.grid;
    // Between two pixels a line would be two faint ones.
    context.fillRect(area.left, Math.round(y), area.width, 1);
    context.fillStyle = palette.label;
    context.fillText(values.labels[i] ?? "", area.left - BESIDE, y);
  });
  context.textAlign = "left";
  context.fillStyle = palette.bad;
  rates?.ticks.forEach((tick, i) => context.fillText(rates.labels[i] ?? "", right + BESIDE, heightOf(rates, tick)));
  context.textAlign = "center";
  context.textBaseline = "top";
  context.fillStyle = palette.label;
  for (const { text, middle } of names) context.fillText(text, middle, bottom + BESIDE);
}

/** A line that is of everything crosses bars of any colour: its own edge keeps it legible. */
function paintEdged(
  context: CanvasRenderingContext2D,
  values: readonly (number | null)[],
  stroke: Pick<Stroke, "colour" | "dash">,
  { timeline, palette }: Layout,
  place: Place,
): void {
  const long = isLong(timeline);
  paintLine(context, values, { colour: palette.surface, width: long ? 2.5 : 4, opacity: 0.75, dot: 9 }, place);
  paintLine(context, values, { ...stroke, width: long ? 1 : 1.5, dot: 6 }, place);
}
