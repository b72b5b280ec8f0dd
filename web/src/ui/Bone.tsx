/** A placeholder exactly as wide as the text it stands for. */
export function Bone({ width, height = "1em" }: { width: string; height?: string }) {
  return <span className="bone" style={{ width, height }} aria-hidden="true" />;
}
