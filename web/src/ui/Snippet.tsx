import { text } from "../text";
import { Copy } from "./Copy";

export function Snippet({ code, label }: { code: string; label: string }) {
  return (
    <div className="snippet">
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{code}</code>
      </pre>
      <Copy
        className="button button-icon"
        icon="copy"
        label={text.copy.copy}
        what={() => code}
        small
        testId="copy-snippet"
      />
    </div>
  );
}
