/** The description's texts are Markdown of the plainest kind: paragraphs and code, in English. */
export function Prose({ children, lang = "en" }: { children: string; lang?: string }) {
  return children.split(/\n{2,}/).map((paragraph, i) => (
    <p key={i} className="prose" lang={lang}>
      {paragraph.split("`").map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))}
    </p>
  ));
}
