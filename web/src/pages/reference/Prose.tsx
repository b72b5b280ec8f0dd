/** The description's texts are Markdown of the plainest kind: paragraphs and code. */
export function Prose({ children }: { children: string }) {
  return children.split(/\n{2,}/).map((paragraph, i) => (
    <p key={i} className="prose">
      {paragraph.split("`").map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))}
    </p>
  ));
}
