import {
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type PointerEvent,
  type Ref,
} from "react";
import { spanText } from "../format/dates";
import type { Look } from "../state/colours";
import { leads, type Steps } from "../state/steps";
import type { Metric } from "../state/view";
import { text } from "../text";
import type { Span } from "../time/presets";
import { useDark, usePrinting } from "../ui/theme";
import { layOut, valueAt, type Area, type Size } from "./layout";
import type { LegendItem } from "./png";
import { lookOf } from "./look";
import { axisFont, paint } from "./paint";
import { colourIn, readPalette, type Palette } from "./palette";
import { ERROR_RATE, seriesAt, type Series, type Timeline } from "./timeline";
import { Tooltip, bucketFacts, spokenFacts } from "./Tooltip";
import "./chart.css";

export interface TimeChartHandle {
  download: (title: string, subtitle: string, name: string) => void;
}

interface Props {
  ref?: Ref<TimeChartHandle>;
  timeline: Timeline | null;
  kind: "bars" | "lines";
  metric: Metric;
  hidden: ReadonlySet<string>;
  looks: ReadonlyMap<string, Look>;
  /** What the chart shows, in a sentence. */
  summary: string;
  onZoom: (span: Span) => void;
  /** It is there. */
  onDrawn?: () => void;
  /** Where clicks on the parts of a bar lead. */
  stepsOf: (series: Series, span?: Span) => Steps;
  /** `aside` with Shift: the click narrows even where there is a page. */
  onPick: (series: Series, span: Span, aside: boolean) => void;
}

const TOOLTIP_WIDTH = 288;

/** Pixels of a chart in the card of an upright page; print.css has the same height. */
const ON_PAPER = { width: 670, height: 250 };

export function TimeChart({ ref, timeline, kind, metric, hidden, looks, summary, onZoom, onDrawn, stepsOf, onPick }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [room, setRoom] = useState<Size | null>(null);
  const [pointed, setPointed] = useState<{ index: number; by: "pointer" | "keys" } | null>(null);
  /** The part of a bar, under the pointer or chosen by keys, that a click and the Enter key follow. */
  const [target, setTarget] = useState<Series | null>(null);
  const [brush, setBrush] = useState<{ start: number; end: number } | null>(null);
  const dark = useDark();
  const printing = usePrinting();

  // Tokens resolve differently once the theme has changed, which nothing but `dark` tells.
  const palette = useMemo(() => readPalette(), [dark]);

  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const measure = () => {
      const { clientWidth: width, clientHeight: height } = element;
      setRoom((before) => (before?.width === width && before.height === height ? before : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const size = printing ? ON_PAPER : room;
  const layout = useMemo(
    () => timeline && size && layOut({ timeline, kind, metric, hidden, looks, palette }, size, widthIn(palette)),
    [timeline, kind, metric, hidden, looks, palette, size],
  );

  // In the frame that has the new legend and figures.
  useLayoutEffect(() => {
    // Paper is finer than the screen that it is printed from.
    if (layout && canvas.current) paint(canvas.current, layout, printing ? 2 : devicePixelRatio);
  }, [layout, printing]);
  const isDrawn = layout !== null;
  useEffect(() => {
    if (isDrawn) onDrawn?.();
  }, [isDrawn]);

  // A new window has other buckets under the same pointer.
  useEffect(() => {
    setPointed(null);
    setTarget(null);
    setBrush(null);
  }, [timeline?.dates.length, timeline?.dates[0]]);

  useImperativeHandle(ref, () => ({
    download(title, subtitle, name) {
      if (!layout || !timeline) return;
      const legend: LegendItem[] = layout.shown.map(({ id, label }) => {
        const look = lookOf(id, looks);
        return { label, colour: colourIn(palette, look), pattern: look.pattern };
      });
      if (timeline.errorRates && !hidden.has(ERROR_RATE)) {
        legend.push({ label: text.cards.errorRateTitle, colour: palette.bad, pattern: 0, line: "solid" });
      }
      if (timeline.before) {
        const { from, to } = timeline.before;
        legend.push({ label: text.chart.beforeSpan(spanText(from, to)), colour: palette.label, pattern: 0, line: "dashed" });
      }
      const picture = { layout, title, subtitle, legend };
      void import("./png").then((module) => module.downloadPicture(picture, name));
    },
  }));

  const count = timeline?.dates.length ?? 0;
  const area = layout?.area ?? null;
  const indexAt = (event: PointerEvent): number | null => {
    if (!area || !frame.current || count === 0) return null;
    const x = event.clientX - frame.current.getBoundingClientRect().left - area.left;
    return Math.min(count - 1, Math.max(0, Math.floor((x / area.width) * count)));
  };

  const targetAt = (event: PointerEvent, index: number): Series | null => {
    if (!layout || !frame.current || kind !== "bars") return null;
    const height = valueAt(layout, event.clientY - frame.current.getBoundingClientRect().top);
    const series = seriesAt(layout.shown, index, height);
    return series && leads(stepsOf(series)) ? series : null;
  };

  const spanOf = (a: number, b: number): Span | null => {
    const from = timeline?.dates[Math.min(a, b)]?.slice(0, 10);
    const to = timeline?.lastDays[Math.max(a, b)];
    return from && to ? { from, to } : null;
  };
  const zoomInto = (a: number, b: number) => {
    const span = spanOf(a, b);
    if (span) onZoom(span);
  };
  /** That thing on that day; where no thing is meant, that day. */
  const follow = (index: number, series: Series | null, aside: boolean) => {
    const span = spanOf(index, index);
    if (span && series) onPick(series, span, aside);
    else if (span && timeline?.granularity !== "hour") onZoom(span);
  };
  /** The parts of a bar that lead somewhere, from the axis upwards. */
  const partsAt = (index: number): Series[] => {
    if (!layout || kind !== "bars") return [];
    const drawn = layout.shown.filter((series) => (series.values[index] ?? 0) > 0);
    return drawn.filter((series) => leads(stepsOf(series)));
  };

  const onPointerDown = (event: PointerEvent) => {
    const index = indexAt(event);
    // A finger drags to read the days one by one; only a mouse or a pen can both point and drag.
    if (index === null || event.button !== 0 || event.pointerType === "touch") return;
    event.currentTarget.setPointerCapture(event.pointerId);
    setBrush({ start: index, end: index });
  };
  const onPointerMove = (event: PointerEvent) => {
    const index = indexAt(event);
    if (index === null) return;
    setPointed((before) => (before?.index === index && before.by === "pointer" ? before : { index, by: "pointer" }));
    setTarget(targetAt(event, index));
    if (brush && brush.end !== index) setBrush({ ...brush, end: index });
  };
  const onPointerUp = (event: PointerEvent) => {
    setBrush(null);
    if (!brush) return;
    if (brush.start !== brush.end) {
      zoomInto(brush.start, brush.end);
      return;
    }
    follow(brush.start, targetAt(event, brush.start), event.shiftKey);
  };
  const onPointerLeave = () => {
    if (brush) return;
    setPointed(null);
    setTarget(null);
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      setPointed(null);
      setTarget(null);
      setBrush(null);
      return;
    }
    const at = pointed?.index;
    if (event.key === "Enter") {
      if (at !== undefined) follow(at, target, event.shiftKey);
      return;
    }
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      if (at === undefined) return;
      const parts = partsAt(at);
      const place = parts.findIndex(({ id }) => id === target?.id) + (event.key === "ArrowUp" ? 1 : -1);
      setPointed({ index: at, by: "keys" });
      setTarget(parts[Math.min(place, parts.length - 1)] ?? null);
      return;
    }
    const next = {
      ArrowLeft: (at ?? count) - 1,
      ArrowRight: (at ?? -1) + 1,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (next === undefined || count === 0) return;
    event.preventDefault();
    const index = Math.min(count - 1, Math.max(0, next));
    setPointed({ index, by: "keys" });
    // The same thing on the next day, where it has a part of that bar.
    setTarget(partsAt(index).find(({ id }) => id === target?.id) ?? null);
  };

  const index = pointed && pointed.index < count ? pointed.index : null;
  const facts = timeline && index !== null ? bucketFacts(timeline, index, hidden) : null;

  return (
    <div
      ref={frame}
      className="chart"
      role="group"
      tabIndex={0}
      aria-label={timeline ? `${summary} ${text.chart.keys}` : text.chart.drawing}
      data-drawn={area !== null}
      data-leads={target !== null && brush === null}
      data-target={target?.id}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={() => setBrush(null)}
      onPointerLeave={onPointerLeave}
      onKeyDown={onKeyDown}
      onBlur={() => {
        setPointed(null);
        setTarget(null);
      }}
    >
      {area && index !== null && (!brush || brush.start === brush.end) && <Band className="chart-band" {...columns(area, count, index, index)} area={area} />}
      {area && kind === "lines" && timeline?.unfinished != null && (
        <Band
          className="chart-unfinished"
          {...columns(area, count, timeline.unfinished, timeline.unfinished)}
          area={area}
        />
      )}
      <canvas ref={canvas} className="chart-surface" style={size ?? undefined} aria-hidden="true" />
      {!timeline && <div className="chart-bones" aria-hidden="true" />}
      {area && brush && brush.start !== brush.end && (
        <Band className="chart-brush" {...columns(area, count, brush.start, brush.end)} area={area} />
      )}
      {area && facts && index !== null && (
        <div className="tooltip" style={{ left: tooltipLeft(columns(area, count, index, index), frame.current?.clientWidth ?? 0) }}>
          <Tooltip facts={facts} metric={metric} looks={looks} target={target?.id ?? null} hint={target && hintOf(stepsOf(target))} />
        </div>
      )}
      <span className="visually-hidden" role="status">
        {facts && pointed?.by === "keys" ? spokenFacts(facts, metric, target?.id ?? null) : ""}
      </span>
    </div>
  );
}

let ruler: CanvasRenderingContext2D | null = null;

/** How wide a text is on the axes. */
function widthIn(palette: Palette): (text: string) => number {
  ruler ??= document.createElement("canvas").getContext("2d");
  if (ruler) ruler.font = axisFont(palette);
  return (text) => ruler?.measureText(text).width ?? 0;
}

function hintOf({ path, narrow, narrowed }: Steps): string {
  if (path !== null) return narrow ? text.chart.openOrNarrow : text.chart.openIt;
  return narrowed ? text.chart.widenIt : text.chart.narrowIt;
}

interface BandProps {
  className: string;
  left: number;
  width: number;
  area: { top: number; height: number };
}

function Band({ className, left, width, area }: BandProps) {
  return <div className={className} style={{ left, width, top: area.top, height: area.height }} />;
}

/** Left edge and width of the columns between two buckets, both included. */
function columns(area: Area, count: number, a: number, b: number) {
  const step = area.width / count;
  return { left: area.left + step * Math.min(a, b), width: step * (Math.abs(a - b) + 1) };
}

/** Beside the column, on the side with room; on a phone it may cover other columns, never the edge. */
function tooltipLeft(column: { left: number; width: number }, frameWidth: number): number {
  const right = column.left + column.width + 10;
  if (right + TOOLTIP_WIDTH <= frameWidth) return right;
  return Math.max(0, Math.min(column.left - 10 - TOOLTIP_WIDTH, frameWidth - TOOLTIP_WIDTH));
}
