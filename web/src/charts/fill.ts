const TILE = 8;
/** Tiles are drawn finer than they are shown, for screens that have the pixels. */
const FINE = 2;

const lines: Record<number, (context: CanvasRenderingContext2D) => void> = {
  // Falling, where the hatching of what is not whole yet rises.
  1: (context) => [-TILE, 0, TILE].forEach((x) => line(context, x, -1, x + TILE + 2, TILE + 1)),
  2: (context) => line(context, 0, TILE / 2, TILE, TILE / 2),
  3: (context) => line(context, TILE / 2, 0, TILE / 2, TILE),
};

function line(context: CanvasRenderingContext2D, fromX: number, fromY: number, toX: number, toY: number): void {
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
  context.stroke();
}

/** A colour as it is, or with lines of the background on it; page.css has the same for swatches. */
export function fillStyle(context: CanvasRenderingContext2D, colour: string, pattern: number, surface: string): string | CanvasPattern {
  const draw = lines[pattern];
  if (!draw) return colour;
  const tile = document.createElement("canvas");
  tile.width = tile.height = TILE * FINE;
  const own = tile.getContext("2d");
  if (!own) return colour;
  own.scale(FINE, FINE);
  own.fillStyle = colour;
  own.fillRect(0, 0, TILE, TILE);
  own.strokeStyle = surface;
  own.lineWidth = 1.2;
  draw(own);
  const fill = context.createPattern(tile, "repeat");
  fill?.setTransform(new DOMMatrix().scale(1 / FINE));
  return fill ?? colour;
}
