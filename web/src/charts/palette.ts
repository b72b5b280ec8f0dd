import { SLOTS, type Look } from "../state/colours";

export interface Palette {
  series: string[];
  other: string;
  /** What went wrong. */
  bad: string;
  surface: string;
  axis: string;
  grid: string;
  label: string;
  text: string;
  font: string;
}

/** A canvas knows no custom properties, so the tokens are resolved to plain colours for it. */
export function readPalette(): Palette {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (name: string) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const palette: Palette = {
    series: Array.from({ length: SLOTS }, (_, i) => colour(`--series-${i + 1}`)),
    other: colour("--series-other"),
    bad: colour("--bad"),
    surface: colour("--surface"),
    axis: colour("--line-strong"),
    grid: colour("--line"),
    label: colour("--text-muted"),
    text: colour("--text"),
    font: getComputedStyle(document.body).fontFamily,
  };
  probe.remove();
  return palette;
}

export function colourIn(palette: Palette, { slot }: Look): string {
  return (slot === null ? undefined : palette.series[slot]) ?? palette.other;
}
