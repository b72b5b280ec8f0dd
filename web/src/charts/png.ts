import { fillStyle } from "./fill";
import type { Layout } from "./layout";
import { paint } from "./paint";

export interface LegendItem {
  label: string;
  colour: string;
  pattern: number;
  /** Drawn as a line rather than as a square. */
  line?: "solid" | "dashed";
}

export interface Picture {
  layout: Layout;
  title: string;
  subtitle: string;
  legend: readonly LegendItem[];
}

const SCALE = 2;
const PAD = 24;

/** The title and the legend are HTML on the page, so a picture that stands alone draws them again. */
export function downloadPicture(picture: Picture, name: string): void {
  const { palette, size } = picture.layout;
  const chart = document.createElement("canvas");
  paint(chart, picture.layout, SCALE);
  const width = size.width + PAD * 2;
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  if (!context) return;

  context.font = `13px ${palette.font}`;
  const rows = legendRows(context, picture.legend, width - PAD * 2);
  const height = PAD + 52 + size.height + 16 + rows.length * 22 + PAD;
  canvas.width = width * SCALE;
  canvas.height = height * SCALE;
  context.scale(SCALE, SCALE);

  context.fillStyle = palette.surface;
  context.fillRect(0, 0, width, height);
  context.textBaseline = "top";
  context.fillStyle = palette.text;
  context.font = `600 16px ${palette.font}`;
  context.fillText(picture.title, PAD, PAD);
  context.fillStyle = palette.label;
  context.font = `13px ${palette.font}`;
  context.fillText(picture.subtitle, PAD, PAD + 24);
  context.drawImage(chart, PAD, PAD + 52, size.width, size.height);

  let y = PAD + 52 + size.height + 16;
  for (const row of rows) {
    for (const item of row) {
      context.fillStyle = fillStyle(context, item.colour, item.pattern, palette.surface);
      if (item.line === "dashed") for (const x of [0, 6]) context.fillRect(PAD + item.x + x, y + 7, 4, 2);
      else if (item.line) context.fillRect(PAD + item.x, y + 7, 10, 2);
      else context.fillRect(PAD + item.x, y + 3, 10, 10);
      context.fillStyle = palette.text;
      context.fillText(item.label, PAD + item.x + 16, y);
    }
    y += 22;
  }

  canvas.toBlob((blob) => {
    if (blob) save(blob, name);
  }, "image/png");
}

function legendRows(context: CanvasRenderingContext2D, legend: Picture["legend"], width: number) {
  const rows: (LegendItem & { x: number })[][] = [[]];
  let x = 0;
  for (const item of legend) {
    const needed = 16 + context.measureText(item.label).width + 20;
    if (x > 0 && x + needed > width) {
      rows.push([]);
      x = 0;
    }
    rows[rows.length - 1]?.push({ ...item, x });
    x += needed;
  }
  return rows;
}

function save(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The download has its own hold on the data once the click is handled.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
