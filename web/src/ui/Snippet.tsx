import { useEffect, useState } from "react";
import { text } from "../text";

export function Snippet({ code, label }: { code: string; label: string }) {
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [copied]);

  return (
    <div className="snippet">
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{code}</code>
      </pre>
      {/* Browsers offer the clipboard to secure origins only; over plain HTTP the text is selected by hand. */}
      {"clipboard" in navigator && (
        <button
          type="button"
          className="button"
          onClick={() => void navigator.clipboard.writeText(code).then(() => setCopied(true))}
        >
          {copied ? text.empty.copied : text.empty.copy}
        </button>
      )}
      <span role="status" className="visually-hidden">
        {copied ? text.empty.copied : ""}
      </span>
    </div>
  );
}
