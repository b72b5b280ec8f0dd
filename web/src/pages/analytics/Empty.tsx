import { spanText } from "../../format/dates";
import type { View } from "../../state/view";
import { text } from "../../text";
import type { Span } from "../../time/presets";
import { Notice } from "../../ui/Notice";
import { Snippet } from "../../ui/Snippet";

interface Props {
  organizationId: string;
  span: Span;
  /** Filters are set, so that nothing may be missing at all. */
  narrowed: boolean;
  onChange: (change: Partial<View>) => void;
}

export default function Empty({ organizationId, span, narrowed, onChange }: Props) {
  if (narrowed) {
    return (
      <Notice
        icon="filter"
        title={text.empty.narrowedTitle}
        actions={
          <button type="button" className="button" onClick={() => onChange({ filters: {} })} data-testid="empty-clear">
            {text.filters.clearAll}
          </button>
        }
      >
        <p>{text.empty.narrowed(spanText(span.from, span.to))}</p>
      </Notice>
    );
  }
  return (
    <Notice
      icon="inbox"
      title={text.empty.title}
      actions={
        <button
          type="button"
          className="button"
          onClick={() => onChange({ range: { kind: "preset", preset: "last-365-days" } })}
        >
          {text.empty.look}
        </button>
      }
    >
      <p>{text.empty.lead(spanText(span.from, span.to))}</p>
      <Snippet label={text.empty.snippet} code={firstEvent(organizationId)} />
      <p>{text.empty.tokenHint}</p>
    </Notice>
  );
}

function firstEvent(organizationId: string): string {
  const event = {
    id: "first-event",
    timestamp: new Date().toISOString(),
    organizationId,
    projectId: "my-project",
    apiKeyId: "my-key",
    usedModel: "openai/gpt-4o",
    promptTokens: 1200,
    completionTokens: 300,
    cost: "0.006",
  };
  // A quote inside single quotes ends them in a shell.
  const body = JSON.stringify(event, null, 2).replaceAll("'", "'\\''");
  return `curl ${location.origin}/v1/events \\
  -H "Authorization: Bearer $ROLLCALL_TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '${body}'`;
}
